import { timingSafeEqual } from 'node:crypto';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { prepared, type Prepared } from '@mainstay/kernel';
import { sql } from 'kysely';
import { assurance, type GetStandingRequest, type StandingService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import type { Needs } from './needs.ts';
import { hasSecondFactor } from './second-factors/factor-rows.ts';
import { roleGrant, type GrantRow } from './roles.ts';

interface Bearer {
  id: string;
  account_id: string;
  acting_org: string;
  personal_org: string;
  grants: GrantRow[];
}

/** A person, with or without a second factor. */
interface PersonBearer extends Bearer {
  has_second_factor: boolean;
}

interface SessionBearer extends PersonBearer {
  acr: string;
  /** Begun at a provider of an org. */
  is_federated: boolean;
  auth_time: Date;
  actor_id: string | null;
}

interface KeyBearer extends PersonBearer {
  secret_hash: Uint8Array;
}

type ById = { ids: readonly string[] };

/** Tells the guard whether sessions and API keys hold at this moment, and what their accounts may be. */
export function standingService({ db, settings }: Needs): ServiceImpl<typeof StandingService> {
  const read = async <B extends Bearer>(bearers: Prepared<ById, B>, ids: readonly string[]): Promise<Map<string, B>> => {
    const rows = ids.length > 0 ? await db.read((q) => bearers.all(q, { ids })) : [];
    return new Map(rows.map((row) => [row.id, row]));
  };

  const standingsOf = async (requests: readonly GetStandingRequest[]) => {
    const [sessions, keys, clients] = await Promise.all([
      read(bearersOfSessions, requests.flatMap(({ proof }) => (proof.case === 'sessionId' ? proof.value : []))),
      read(bearersOfKeys, requests.flatMap(({ proof }) => (proof.case === 'apiKey' ? proof.value.apiKeyId : []))),
      read(programs, requests.flatMap(({ proof }) => (proof.case === 'oauthClientId' ? proof.value : []))),
    ]);
    const required = await settings.getAll('secondFactorRequired');
    const demands = (orgId: string) => required.byOrg.get(orgId) ?? required.value;
    return requests.map(({ proof }) => {
      if (proof.case === 'apiKey') return standingOfKey(keys.get(proof.value.apiKeyId), proof.value.secretHash, demands);
      if (proof.case === 'oauthClientId') return standingOfProgram(clients.get(proof.value));
      return standingOfSession(sessions.get(proof.value!), demands);
    });
  };

  return {
    getStanding: async (request) => (await standingsOf([request]))[0]!,
    batchGetStandings: async ({ requests }) => ({ standings: await standingsOf(requests) }),
  };
}

/** A session goes on in the personal org when its account is no longer a member of the org it began in. */
function standingOfSession(bearer: SessionBearer | undefined, demands: Demands) {
  if (!bearer) return { active: false };
  const { acr, auth_time, has_second_factor } = bearer;
  return { ...standing(bearer, isMember(bearer) ? bearer.acting_org : bearer.personal_org), acr, authTime: timestampFromDate(auth_time), hasSecondFactor: has_second_factor, barredOrgIds: barred(bearer, demands), actorAccountId: bearer.actor_id ?? '' };
}

/** A key acts in its own org or not at all. */
const standingOfKey = (bearer: KeyBearer | undefined, secretHash: Uint8Array, demands: Demands) =>
  bearer && timingSafeEqual(bearer.secret_hash, secretHash) && isMember(bearer) ? { ...standing(bearer, bearer.acting_org), barredOrgIds: barred(bearer, demands) } : { active: false };

/** An OAuth client acts in the org that owns it, with the role that it was given. */
const standingOfProgram = (bearer: Bearer | undefined) => (bearer ? standing(bearer, bearer.acting_org) : { active: false });

/** Whether an org demands a second factor of its members. */
type Demands = (orgId: string) => boolean;

/** The orgs of somebody without a second factor that demand one. Who has shown two at a provider of their org needs none here. */
const barred = ({ has_second_factor, is_federated, acr, grants }: PersonBearer & Partial<Pick<SessionBearer, 'is_federated' | 'acr'>>, demands: Demands): string[] =>
  has_second_factor || (is_federated && acr === assurance.twoFactors) ? [] : [...new Set(grants.flatMap(({ scope_org }) => scope_org ?? []))].filter(demands);

const isMember = ({ grants, acting_org }: Bearer) => grants.some(({ scope_org }) => scope_org === acting_org);

const standing = ({ account_id, grants }: Bearer, orgId: string) => ({ active: true, accountId: account_id, orgId, roles: grants.map(roleGrant) });

const grantsOf = sql<GrantRow[]>`(
  select coalesce(json_agg(json_build_object('role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project)), '[]')
  from sys_accounts_role_grants g where g.account_id = a.id)`;

const bearersOfSessions = prepared<Tables>()((q, { ids }: ById) =>
  q
    .selectFrom('sys_accounts_sessions as s')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 's.account_id')
    .select(['s.id', 's.account_id', 's.acting_org', 's.actor_id', 's.acr', sql<boolean>`'fed' = any(s.amr)`.as('is_federated'), sql<Date>`coalesce(s.auth_time, s.created_at)`.as('auth_time'), 'a.personal_org', grantsOf.as('grants'), hasSecondFactor.as('has_second_factor')])
    .where('s.id', '=', sql<string>`any(${ids}::uuid[])`)
    .where('s.ended_at', 'is', null)
    .where('s.expires_at', '>', sql<Date>`now()`)
    .where('a.state', '=', 'ACTIVE')
    // Who acts for others does so as long as they are a Platform Administrator.
    .where((where) => where.or([where('s.actor_id', 'is', null), sql<boolean>`exists (
      select from sys_accounts_accounts actor join sys_accounts_role_grants g on g.account_id = actor.id
      where actor.id = s.actor_id and actor.state = 'ACTIVE' and g.role = 'SUPERADMIN')`])),
);

const bearersOfKeys = prepared<Tables>()((q, { ids }: ById) =>
  q
    .selectFrom('sys_accounts_api_keys as k')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'k.account_id')
    .select(['k.id', 'k.account_id', 'k.acting_org', 'k.secret_hash', 'a.personal_org', grantsOf.as('grants'), hasSecondFactor.as('has_second_factor')])
    .where('k.id', '=', sql<string>`any(${ids}::uuid[])`)
    .where('k.revoked_at', 'is', null)
    .where((where) => where.or([where('k.expires_at', 'is', null), where('k.expires_at', '>', sql<Date>`now()`)]))
    .where('a.state', '=', 'ACTIVE'),
);

const programs = prepared<Tables>()((q, { ids }: ById) =>
  q
    .selectFrom('sys_accounts_oauth_clients as c')
    .select(['c.id', 'c.id as account_id', 'c.owner_org as acting_org', 'c.owner_org as personal_org', sql<GrantRow[]>`json_build_array(json_build_object('role', c.service_role, 'scope_org', c.owner_org, 'scope_project', null))`.as('grants')])
    .where('c.id', '=', sql<string>`any(${ids}::uuid[])`)
    .where('c.service_role', 'is not', null)
    .where('c.disabled', '=', false),
);
