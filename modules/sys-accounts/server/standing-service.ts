import { timingSafeEqual } from 'node:crypto';
import type { ServiceImpl } from '@connectrpc/connect';
import { sql } from 'kysely';
import type { ApiKeyProof, StandingService } from '../contract/index.ts';
import type { Needs, Reader } from './needs.ts';
import { roleGrant, type GrantRow } from './roles.ts';

interface Bearer {
  account_id: string;
  acting_org: string;
  personal_org: string;
  grants: GrantRow[];
}

/** Tells the guard whether a session or API key holds at this moment, and what its account may be. */
export function standingService({ db }: Needs): ServiceImpl<typeof StandingService> {
  return {
    async getStanding({ proof }) {
      if (proof.case === 'apiKey') return standingOfKey(await db.read((q) => bearerOfKey(q, proof.value)));
      return standingOfSession(await db.read((q) => bearerOfSession(q, proof.value!)));
    },
  };
}

/** A session goes on in the personal org when its account is no longer a member of the org it began in. */
function standingOfSession(bearer: Bearer | undefined) {
  if (!bearer) return { active: false };
  return standing(bearer, isMember(bearer) ? bearer.acting_org : bearer.personal_org);
}

/** A key acts in its own org or not at all. */
const standingOfKey = (bearer: Bearer | undefined) => (bearer && isMember(bearer) ? standing(bearer, bearer.acting_org) : { active: false });

const isMember = ({ grants, acting_org }: Bearer) => grants.some(({ scope_org }) => scope_org === acting_org);

const standing = ({ account_id, grants }: Bearer, orgId: string) => ({ active: true, accountId: account_id, orgId, roles: grants.map(roleGrant) });

const grantsOf = sql<GrantRow[]>`(
  select coalesce(json_agg(json_build_object('role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project)), '[]')
  from sys_accounts_role_grants g where g.account_id = a.id)`;

const bearerOfSession = (q: Reader, sessionId: string): Promise<Bearer | undefined> =>
  q
    .selectFrom('sys_accounts_sessions as s')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 's.account_id')
    .select(['s.account_id', 's.acting_org', 'a.personal_org', grantsOf.as('grants')])
    .where('s.id', '=', sessionId)
    .where('s.ended_at', 'is', null)
    .where('s.expires_at', '>', sql<Date>`now()`)
    .where('a.state', '=', 'ACTIVE')
    .executeTakeFirst();

async function bearerOfKey(q: Reader, { apiKeyId, secretHash }: ApiKeyProof): Promise<Bearer | undefined> {
  const row = await q
    .selectFrom('sys_accounts_api_keys as k')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'k.account_id')
    .select(['k.account_id', 'k.acting_org', 'k.secret_hash', 'a.personal_org', grantsOf.as('grants')])
    .where('k.id', '=', apiKeyId)
    .where('k.revoked_at', 'is', null)
    .where((where) => where.or([where('k.expires_at', 'is', null), where('k.expires_at', '>', sql<Date>`now()`)]))
    .where('a.state', '=', 'ACTIVE')
    .executeTakeFirst();
  return row && timingSafeEqual(row.secret_hash, secretHash) ? row : undefined;
}
