import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescMethod } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { type AccessRequest, currentTime, type Decision, type Principal, reasonOf } from '@mainstay/kernel';
import { AccountsService, assurance, OrgsService, SecondFactorsService, SessionsService } from '@mainstay/sys-accounts/contract';
import fc from 'fast-check';
import { createDemandProof } from './demand-proof.ts';

type Account = Extract<Principal, { kind: 'account' }>;

const demand = createDemandProof({ stepUpMinutes: 60, rules: [{ role: 'GUEST', may: ['accounts.accounts.get'] }, { role: 'ADMIN', may: ['accounts.roles.*'] }] });
const access = { dangerous: { case: 'signedIn', value: true }, permission: (value: string) => ({ case: 'permission', value }) } as const;

function asked(method: DescMethod, principal: Partial<Account>, rule: object = access.dangerous, callerModule?: string): Decision | undefined {
  const account = { kind: 'account', accountId: 'me', orgId: 'here', roles: [], sessionId: 'this', ...principal } as Account;
  return demand({ principal: account, method, module: 'sys-accounts', access: { rule }, ...(callerModule && { callerModule }) } as unknown as AccessRequest);
}

const errorOf = (decision: Decision | undefined): ConnectError => (decision as Extract<Decision, { allowed: false }>).error as ConnectError;
const ago = (minutes: number): number => Math.floor(currentTime().getTime() / 1000) - minutes * 60;

const proofs = fc.record({ acr: fc.constantFrom(...Object.values(assurance), 'another'), minutes: fc.oneof(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 61, max: 100_000 })), hasSecondFactor: fc.boolean() });

test('what is dangerous takes a fresh proof, with the second factor of who has one', () => {
  fc.assert(fc.property(proofs, ({ acr, minutes, hasSecondFactor }) => {
    const decision = asked(AccountsService.method.closeAccount, { authentication: { acr, time: ago(minutes), hasSecondFactor } });
    const proven = minutes < 60 && (!hasSecondFactor || acr === assurance.twoFactors);
    assert.equal(decision === undefined, proven);
    if (proven) return;
    const error = errorOf(decision);
    assert.equal(reasonOf(error), 'sys-core.STEP_UP_REQUIRED');
    assert.equal(error.metadata.get('www-authenticate'), `Bearer error="insufficient_user_authentication", error_description="prove again who you are", acr_values="${hasSecondFactor ? assurance.twoFactors : assurance.oneFactor}", max_age="3600"`);
  }));
});

test('what is not dangerous takes no proof, and neither do programs nor what another module calls', () => {
  fc.assert(fc.property(proofs, ({ acr, minutes, hasSecondFactor }) => {
    const authentication = { acr, time: ago(minutes), hasSecondFactor };
    assert.equal(asked(SessionsService.method.listSessions, { authentication }), undefined);
    assert.equal(asked(AccountsService.method.closeAccount, {}), undefined);
    assert.equal(asked(AccountsService.method.closeAccount, { authentication }, access.dangerous, 'mod-other'), undefined);
  }));
});

test('whom an org bars reaches nothing there but what everybody does about themselves', () => {
  fc.assert(fc.property(fc.constantFrom('here', 'there'), fc.constantFrom('here', 'there'), (orgId, barred) => {
    const person = { orgId, barredOrgIds: [barred] };
    const isBarred = orgId === barred;
    const refused = asked(OrgsService.method.listMembers, person, access.permission('accounts.roles.list'));
    assert.equal(refused !== undefined, isBarred);
    if (isBarred) assert.equal(reasonOf(errorOf(refused)), 'sys-core.SECOND_FACTOR_REQUIRED');
    assert.equal(asked(SecondFactorsService.method.confirmSecondFactor, person), undefined);
    assert.equal(asked(AccountsService.method.getAccount, person, access.permission('accounts.accounts.get')), undefined);
    assert.equal(asked(SessionsService.method.refreshSession, person, { case: 'public', value: true }), undefined);
  }));
});
