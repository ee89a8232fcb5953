import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { SessionsService } from '@mainstay/sys-accounts/contract';
import type { TestDeployment } from './start-deployment.ts';

/** Proves somebody who can call: the access token of a session, or an API key. */
export interface Bearer {
  accountId: string;
  email: string;
  kind: 'session' | 'key';
  /** Of the session or key. */
  id: string;
  token: string;
}

interface Wanted {
  accounts: number;
  /** Of each account. */
  sessions: number;
  keys: number;
}

const refreshedAtOnce = 16;

/**
 * New members of Acme with sessions and API keys. They are written into the database, since a password takes longer to
 * check than all else that a test does with them; the sessions then get their access tokens as anybody's do.
 */
export async function newBearers(deployment: TestDeployment, { accounts, sessions, keys }: Wanted): Promise<{ orgId: string; bearers: Bearer[] }> {
  const [org] = await deployment.sqlOf<{ id: string }>('sys-accounts', `select id from sys_accounts.sys_accounts_orgs where name = 'Acme' and not personal`);
  const acting_org = org!.id;
  const people = Array.from({ length: accounts }, () => ({ id: randomUUID(), personal_org: randomUUID(), email: `${randomUUID()}@acme.test`, display_name: 'One of many', password_hash: 'none' }));
  const each = <T>(count: number, make: (person: (typeof people)[number]) => T): T[] => people.flatMap((person) => Array.from({ length: count }, () => make(person)));
  const held = each(sessions, ({ id, email }) => ({ id: randomUUID(), account_id: id, email, secret: newSecret() }));
  const made = each(keys, ({ id, email }) => ({ id: randomUUID(), account_id: id, email, secret: newSecret() }));
  const insert = (table: string, rows: object[]) => insertRows(deployment, table, rows);
  await insert('orgs', people.map(({ personal_org }) => ({ id: personal_org, name: 'One of many', personal: true })));
  await insert('accounts', people);
  await insert('role_grants', people.flatMap(({ id, personal_org }) => [{ account_id: id, role: 'USER', scope_org: acting_org }, { account_id: id, role: 'ADMIN', scope_org: personal_org }]));
  await insert('sessions', held.map(({ id, account_id }) => ({ id, account_id, acting_org, expires_at: new Date(Date.now() + 86_400_000) })));
  await insert('refresh_tokens', held.map(({ id, secret }) => ({ session_id: id, token_hash: hashOf(secret) })));
  await insert('api_keys', made.map(({ id, account_id, secret }) => ({ id, account_id, acting_org, name: 'One of many', secret_hash: hashOf(secret) })));
  const tokens = await refreshed(deployment, held.map(({ secret }) => secret));
  const bearers = [
    ...held.map(({ id, account_id, email }, index) => ({ accountId: account_id, email, kind: 'session' as const, id, token: tokens[index]! })),
    ...made.map(({ id, account_id, email, secret }) => ({ accountId: account_id, email, kind: 'key' as const, id, token: `mst_${id.replaceAll('-', '')}_${secret}` })),
  ];
  return { orgId: acting_org, bearers };
}

async function insertRows(deployment: TestDeployment, table: string, rows: object[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]!).join(', ');
  await deployment.sqlOf('sys-accounts', `insert into sys_accounts.sys_accounts_${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::sys_accounts.sys_accounts_${table}, $1)`, [JSON.stringify(rows)]);
}

async function refreshed(deployment: TestDeployment, refreshTokens: readonly string[]): Promise<string[]> {
  const sessions = createClient(SessionsService, createGrpcTransport({ baseUrl: deployment.address }));
  const accessTokens: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < refreshTokens.length) {
      const index = next++;
      accessTokens[index] = (await sessions.refreshSession({ refreshToken: refreshTokens[index]! })).accessToken;
    }
  };
  await Promise.all(Array.from({ length: refreshedAtOnce }, worker));
  return accessTokens;
}

const newSecret = () => randomBytes(32).toString('base64url');

/** As PostgreSQL reads bytes. */
const hashOf = (secret: string) => `\\x${createHash('sha256').update(secret).digest('hex')}`;
