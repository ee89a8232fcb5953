import { getOption } from '@bufbuild/protobuf';
import { kind as kindOption, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { createMongoAbility, type MongoAbility, type RawRuleOf } from '@casl/ability';
import type { AccessRequest, AccessRule, Decision, GuardFacts, Principal, Role, RoleGrant } from '@mainstay/kernel';

type Account = Extract<Principal, { kind: 'account' }>;

/** What a set of roles may do, and what of it across orgs. */
interface Abilities {
  may: MongoAbility;
  acrossOrgs: MongoAbility;
  /** What was asked before, by permission: contracts name them, so they are few. */
  reach: Map<string, { allowed: boolean; acrossOrgs: boolean }>;
}

/** Permissions on which the platform's own services rest are every Platform Administrator's. */
const platform = 'sys-';

/**
 * Makes the one function that decides who may call what, from the access rules of all modules and from what each
 * requires: a module calls the services that it declares and no others, whoever it acts for.
 * Whatever no rule allows is refused. Throws if a rule lets anyone but an operator act across orgs.
 */
export function createDecide({ rules, requires }: GuardFacts): (request: AccessRequest) => Decision {
  const unfit = rules.find(({ role, acrossOrgs }) => acrossOrgs && role !== 'OPS' && role !== 'SUPERADMIN');
  if (unfit) throw new Error(`an access rule lets ${unfit.role} act across orgs (${unfit.may.join(', ')}); only OPS and SUPERADMIN can`);
  const known = new Map<string, Abilities>();
  const found = new WeakMap<readonly Role[], Abilities>();
  const abilitiesOf = (roles: readonly Role[]): Abilities => {
    let abilities = found.get(roles);
    if (!abilities) {
      const key = roles.join();
      abilities = known.get(key) ?? { reach: new Map(), may: abilityOf(rules.filter(({ role }) => roles.includes(role))), acrossOrgs: abilityOf(rules.filter(({ role, acrossOrgs }) => acrossOrgs && roles.includes(role))) };
      known.set(key, abilities);
      found.set(roles, abilities);
    }
    return abilities;
  };
  return (request) => {
    const { callerModule, method } = request;
    if (callerModule !== undefined && !requires.get(callerModule)?.has(method.parent.typeName)) return refused(`${callerModule} does not declare ${method.parent.typeName} in its "requires"`);
    return decide(request, abilitiesOf);
  };
}

function decide({ principal, callerModule, module, method, access, projectId }: AccessRequest, abilitiesOf: (roles: readonly Role[]) => Abilities): Decision {
  const { rule } = access;
  if (principal.kind === 'account' && principal.scope && !callerModule && rule.case !== 'public' && !isInScope(principal.scope, method)) return refused(`the access token does not have the scope ${SCOPES[kindOf(method)]}`);
  switch (rule.case) {
    case 'public':
      return { allowed: true };
    case 'internal':
      return callerModule ? { allowed: true } : refused('only modules call this method');
    case 'signedIn':
      return principal.kind === 'account' && !principal.isProgram ? { allowed: true } : refused('this is for people who are signed in');
    case 'permission': {
      if (principal.kind === 'anonymous') return refused(`this needs the permission ${rule.value}`);
      if (principal.kind === 'module') return callerModule ? { allowed: true } : refused('a module calls through its own clients');
      const roles = rolesThatCount(principal, projectId);
      const { allowed, acrossOrgs } = reachOf(abilitiesOf(roles), rule.value);
      if (!allowed && !(module.startsWith(platform) && roles.includes('SUPERADMIN'))) return refused(`this needs the permission ${rule.value}`);
      return { allowed: true, acrossOrgs };
    }
    default:
      return refused('the contract does not say who may call this method');
  }
}

/** The scopes that let a client call this platform's methods. */
const SCOPES: Partial<Record<Kind, string>> = { [Kind.QUERY]: 'api:read', [Kind.COMMAND]: 'api' };

const isInScope = (scope: readonly string[], method: AccessRequest['method']): boolean => scope.includes('api') || (kindOf(method) === Kind.QUERY && scope.includes('api:read'));

const kinds = new WeakMap<AccessRequest['method'], Kind>();

/** Reading an option decodes it anew each time. */
function kindOf(method: AccessRequest['method']): Kind {
  let kind = kinds.get(method);
  if (kind === undefined) kinds.set(method, (kind = getOption(method, kindOption)));
  return kind;
}

/**
 * The roles of an account that count for a call: those on the whole platform, those in the org it acts in, and
 * those in the project the request names. Whoever is signed in is a GUEST.
 */
export function rolesThatCount({ orgId, roles }: Pick<Account, 'orgId' | 'roles'>, projectId?: string): readonly Role[] {
  if (projectId !== undefined) return counting(roles, orgId, projectId);
  let byOrg = inOrg.get(roles);
  if (!byOrg) inOrg.set(roles, (byOrg = new Map()));
  const known = byOrg.get(orgId) ?? counting(roles, orgId);
  byOrg.set(orgId, known);
  return known;
}

/** By the roles of an account, which acts in few orgs. A request may name any project, so those are not kept. */
const inOrg = new WeakMap<readonly RoleGrant[], Map<string, readonly Role[]>>();

function counting(roles: readonly RoleGrant[], orgId: string, projectId?: string): readonly Role[] {
  const counts = (grant: RoleGrant) => !grant.orgId || (grant.orgId === orgId && (!grant.projectId || grant.projectId === projectId));
  return [...new Set<Role>(['GUEST', ...roles.filter(counts).map(({ role }) => role)])].sort();
}

function reachOf({ may, acrossOrgs, reach }: Abilities, permission: string): { allowed: boolean; acrossOrgs: boolean } {
  let known = reach.get(permission);
  if (!known) reach.set(permission, (known = { allowed: covers(may, permission), acrossOrgs: covers(acrossOrgs, permission) }));
  return known;
}

/** Permissions as CASL takes them: the last part is the action, the rest the subject. */
function abilityOf(rules: readonly AccessRule[]): MongoAbility {
  const raw = rules.flatMap(({ may }) => may).map((pattern): RawRuleOf<MongoAbility> => {
    const [action, subject] = split(pattern);
    return { action, subject };
  });
  // CASL's own words for these, `manage` and `all`, could be parts of a permission; these can't.
  return createMongoAbility(raw, { anyAction: '*', anySubjectType: '(any)' });
}

/** Whether a rule names the permission, or `.*` of anything that it lies below. */
function covers(ability: MongoAbility, permission: string): boolean {
  const [action, subject] = split(permission);
  if (ability.can(action, subject)) return true;
  for (let above = split(subject)[1]; above; above = split(above)[1]) if (ability.can('*', above)) return true;
  return false;
}

function split(name: string): [last: string, rest: string] {
  const at = name.lastIndexOf('.');
  return [name.slice(at + 1), at < 0 ? '' : name.slice(0, at)];
}

const refused = (because: string): Decision => ({ allowed: false, because });
