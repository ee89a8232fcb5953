import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type DescMethod } from '@bufbuild/protobuf';
import type { AccessRequest, AccessRule, Principal, Role, RoleGrant } from '@mainstay/kernel';
import { AccessSchema, type Access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import fc from 'fast-check';
import { ModulesService } from '../contract/index.ts';
import { createDecide, rolesThatCount } from './decide.ts';

const acme = 'org-acme';
const umbrella = 'org-umbrella';
const method: DescMethod = ModulesService.method.listModules;

const rules: AccessRule[] = [
  { role: 'GUEST', may: ['things.catalogue.read'] },
  { role: 'USER', may: ['things.things.read'] },
  { role: 'ADMIN', may: ['things.things.*'] },
  { role: 'OPS', may: ['monitor.logs.read'], acrossOrgs: true },
  { role: 'SUPERADMIN', may: ['accounts.accounts.list'], acrossOrgs: true },
];
const requires = new Map([['mod-things', new Set([method.parent.typeName])], ['mod-idle', new Set<string>()]]);
const decide = createDecide({ rules, requires });

const account = (...roles: RoleGrant[]): Principal => ({ kind: 'account', accountId: 'a', orgId: acme, sessionId: 's', roles });
const rule = (rule: Access['rule']): Access => create(AccessSchema, { rule });
const needs = (permission: string): Access => rule({ case: 'permission', value: permission });
const ask = (principal: Principal, access: Access, more: Partial<AccessRequest> = {}) => decide({ principal, access, method, module: 'mod-things', ...more });

const anonymous: Principal = { kind: 'anonymous' };
const job: Principal = { kind: 'module', module: 'mod-things' };
const nobody = account();
const user = account({ role: 'USER', orgId: acme });
const strangerUser = account({ role: 'USER', orgId: umbrella });
const admin = account({ role: 'ADMIN', orgId: acme });
const strangerAdmin = account({ role: 'ADMIN', orgId: umbrella });
const projectAdmin = account({ role: 'ADMIN', orgId: acme, projectId: 'p1' });
const ops = account({ role: 'OPS' });
const root = account({ role: 'SUPERADMIN' });

const isPublic = rule({ case: 'public', value: true });
const signedIn = rule({ case: 'signedIn', value: true });
const internal = rule({ case: 'internal', value: true });

const table: [name: string, principal: Principal, access: Access, more: Partial<AccessRequest>, allowed: boolean][] = [
  ['anyone calls a public method', anonymous, isPublic, {}, true],
  ['nobody calls an unexplained method', root, rule({ case: undefined }), {}, false],
  ['anonymous is not signed in', anonymous, signedIn, {}, false],
  ['a job is not signed in', job, signedIn, { callerModule: 'mod-things' }, false],
  ['an account without roles is signed in', nobody, signedIn, {}, true],
  ['an internal method is closed to the outside', root, internal, {}, false],
  ['an internal method is open to a module for anonymous', anonymous, internal, { callerModule: 'mod-things' }, true],
  ['an internal method is open to a job', job, internal, { callerModule: 'mod-things' }, true],
  ['a job may call what it requires', job, needs('things.things.read'), { callerModule: 'mod-things' }, true],
  ['a module may not call what it does not require', job, internal, { callerModule: 'mod-idle' }, false],
  ['a module may not call what it does not require for a user who may', user, needs('things.things.read'), { callerModule: 'mod-idle' }, false],
  ['a module may not call what it does not require, even what anyone may', anonymous, isPublic, { callerModule: 'mod-idle' }, false],
  ['a module that does not exist may call nothing', anonymous, isPublic, { callerModule: 'mod-forged' }, false],
  ['a module without a name may call nothing', anonymous, internal, { callerModule: '' }, false],
  ['a module principal without a calling module is refused', job, needs('things.things.read'), {}, false],
  ['anonymous has no permission', anonymous, needs('things.catalogue.read'), {}, false],
  ['a module lends anonymous nothing', anonymous, needs('things.things.read'), { callerModule: 'mod-things' }, false],
  ['a module lends a user nothing', user, needs('things.things.delete'), { callerModule: 'mod-things' }, false],
  ['everyone signed in is a guest', nobody, needs('things.catalogue.read'), {}, true],
  ['a guest is no more than that', nobody, needs('things.things.read'), {}, false],
  ['a user of the org reads', user, needs('things.things.read'), {}, true],
  ['a user of the org does not delete', user, needs('things.things.delete'), {}, false],
  ['a user of another org does not read', strangerUser, needs('things.things.read'), {}, false],
  ['an administrator of the org deletes', admin, needs('things.things.delete'), {}, true],
  ['a wildcard ends at its subject', admin, needs('things.thingsandmore.delete'), {}, false],
  ['a wildcard reaches what lies below', admin, needs('things.things.parts.delete'), {}, true],
  ['an administrator of another org does not delete', strangerAdmin, needs('things.things.delete'), {}, false],
  ['a project role counts for its project', projectAdmin, needs('things.things.delete'), { projectId: 'p1' }, true],
  ['a project role does not count for another project', projectAdmin, needs('things.things.delete'), { projectId: 'p2' }, false],
  ['a project role does not count for the org', projectAdmin, needs('things.things.delete'), {}, false],
  ['operators diagnose', ops, needs('monitor.logs.read'), {}, true],
  ['operators see no customer data', ops, needs('things.things.read'), {}, false],
  ['operators have no other rights on the platform', ops, needs('accounts.accounts.list'), { module: 'sys-accounts' }, false],
  ['the platform administrator runs the platform', root, needs('monitor.logs.read'), { module: 'sys-monitor' }, true],
  ['the platform administrator sees no customer data', root, needs('things.things.read'), {}, false],
];
for (const [name, principal, access, more, allowed] of table) {
  test(name, () => assert.equal(ask(principal, access, more).allowed, allowed));
}

test('a refusal names the permission that is missing', () => {
  assert.deepEqual(ask(user, needs('things.things.delete')), { allowed: false, because: 'this needs the permission things.things.delete' });
});

test('only an explicit rule lets an operator act across orgs', () => {
  assert.deepEqual(ask(root, needs('accounts.accounts.list'), { module: 'sys-accounts' }), { allowed: true, acrossOrgs: true });
  assert.deepEqual(ask(root, needs('monitor.logs.read'), { module: 'sys-monitor' }), { allowed: true, acrossOrgs: false });
});

test('a rule that lets a customer act across orgs is refused', () => {
  assert.throws(() => createDecide({ rules: [{ role: 'ADMIN', may: ['things.things.read'], acrossOrgs: true }], requires }), /only OPS and SUPERADMIN/);
});

const part = fc.constantFrom('a', 'b', 'c', 'manage', 'all', '__proto__', 'constructor');
const permission = fc.tuple(part, part, part).map((parts) => parts.join('.'));
const role = fc.constantFrom<Role>('GUEST', 'USER', 'ADMIN', 'OPS', 'SUPERADMIN');
const pattern = fc.oneof(permission, fc.tuple(part, part).map(([first, second]) => `${first}.${second}.*`), part.map((first) => `${first}.*`)) as fc.Arbitrary<`${string}.${string}`>;
const anyRules = fc.array(fc.record({ role, may: fc.array(pattern, { maxLength: 3 }) }), { maxLength: 5 });
const grant = fc.record({ role, orgId: fc.option(fc.constantFrom(acme, umbrella), { nil: undefined }), projectId: fc.option(fc.constantFrom('p1', 'p2'), { nil: undefined }) });

test('an account is allowed exactly what a rule of a role that counts grants', () => {
  fc.assert(
    fc.property(anyRules, fc.array(grant, { maxLength: 3 }), permission, fc.option(fc.constantFrom('p1', 'p2'), { nil: undefined }), (rules, grants, wanted, projectId) => {
      const counted = new Set<Role>(['GUEST', ...grants.filter((held) => (!held.orgId || held.orgId === acme) && (!held.orgId || !held.projectId || held.projectId === projectId)).map((held) => held.role)]);
      const granted = rules.some(({ role, may }) => counted.has(role) && may.some((pattern) => pattern === wanted || (pattern.endsWith('.*') && wanted.startsWith(pattern.slice(0, -1)))));
      const decision = createDecide({ rules, requires })({ principal: account(...grants), access: needs(wanted), method, module: 'mod-things', projectId });
      assert.equal(decision.allowed, granted);
    }),
    { numRuns: 2000 },
  );
});

test('a role in an org or project never counts beyond it', () => {
  fc.assert(
    fc.property(fc.array(grant, { maxLength: 4 }), (grants) => {
      const elsewhere = grants.map((held) => ({ ...held, orgId: umbrella }));
      assert.deepEqual(rolesThatCount({ orgId: acme, roles: elsewhere }, 'p1'), ['GUEST']);
    }),
  );
});
