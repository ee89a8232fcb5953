import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { hashOf } from '../opaque-token.ts';
import { seal, unseal } from '../sealing.ts';
import { findClient } from './find-client.ts';
import { beginGrantedSession, endGrantedSession, isGrantOpen, keepGrantedSession, noteLogin } from './granted-sessions.ts';

type Tx = Transaction<Tables>;
type Column = 'key_hash' | 'uid' | 'user_code_hash';

/**
 * What the provider keeps of one kind, in PostgreSQL: found by the hash of what opens it, and sealed. What is good for one use is
 * taken by whoever is first, so that of several uses at once exactly one succeeds. All of it hangs on the session that the person
 * granted, and ends with it.
 */
export class Artifacts implements Adapter {
  readonly #kind: string;
  readonly #needs: Needs;
  readonly #invalid: (why: string) => Error;

  constructor(kind: string, needs: Needs, invalid: (why: string) => Error) {
    this.#kind = kind;
    this.#needs = needs;
    this.#invalid = invalid;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const { db, config, deployment } = this.#needs;
    const values = {
      sealed: seal(deployment.secret, 'oauth', this.#kind, JSON.stringify(payload)),
      session_id: this.#kind === 'Grant' ? id : (payload.grantId ?? null),
      account_id: payload.accountId ?? null,
      uid: payload.uid ?? null,
      user_code_hash: payload.userCode ? hashOf(payload.userCode) : null,
      expires_at: sql<Date>`now() + ${Math.max(1, Math.ceil(expiresIn))} * interval '1 second'`,
    };
    await db.write(async (tx) => {
      if (this.#kind === 'Grant') await beginGrantedSession(tx, config, id, payload);
      if (this.#kind === 'RefreshToken') await keepGrantedSession(tx, config, payload.grantId!);
      if (payload.grantId && payload.authTime) await noteLogin(tx, payload.grantId, payload);
      await tx.insertInto('sys_accounts_oauth_artifacts').values({ kind: this.#kind, key_hash: hashOf(id), consumed_at: null, ...values }).onConflict((conflict) => conflict.columns(['kind', 'key_hash']).doUpdateSet(values)).execute();
    });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (this.#kind === 'Client') return findClient(this.#needs, id);
    if (this.#kind === 'Grant' && !(await isGrantOpen(this.#needs, id))) return undefined;
    return this.#findBy('key_hash', hashOf(id));
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('uid', uid);
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('user_code_hash', hashOf(userCode));
  }

  async destroy(id: string): Promise<void> {
    await this.#needs.db.write(async (tx) => {
      if (this.#kind === 'Grant') await endGrantedSession(tx, id);
      await tx.deleteFrom('sys_accounts_oauth_artifacts').where('kind', '=', this.#kind).where('key_hash', '=', hashOf(id)).execute();
    });
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#needs.db.write((tx) => tx.deleteFrom('sys_accounts_oauth_artifacts').where('kind', '=', this.#kind).where('session_id', '=', grantId).execute());
  }

  /** Whoever comes second waits here until the first has committed, and gets nothing. */
  async consume(id: string): Promise<void> {
    const taken = await this.#needs.db.write((tx) => consume(tx, this.#kind, id));
    if (!taken) throw this.#invalid('it was used by another request at the same time');
  }

  async #findBy(column: Column, value: Buffer | string): Promise<AdapterPayload | undefined> {
    const { db, config, deployment } = this.#needs;
    const row = await db.read((q) =>
      q
        .selectFrom('sys_accounts_oauth_artifacts as x')
        .leftJoin('sys_accounts_accounts as a', 'a.id', 'x.account_id')
        .select(['x.sealed', 'x.consumed_at', sql<boolean>`x.consumed_at > now() - ${config.refreshLeewaySeconds} * interval '1 second'`.as('justNow')])
        .where('x.kind', '=', this.#kind)
        .where(`x.${column}`, '=', value as never)
        .where('x.expires_at', '>', sql<Date>`now()`)
        .where((where) => where.or([where('x.account_id', 'is', null), where('a.state', '=', 'ACTIVE')]))
        .executeTakeFirst(),
    );
    // Two tabs that refresh at once, or a repeated request, are no theft: the later one is refused, and the session goes on.
    if (!row || row.justNow) return undefined;
    const payload = unseal(deployment.secret, 'oauth', this.#kind, row.sealed);
    if (payload === undefined) return undefined;
    return { ...(JSON.parse(payload) as AdapterPayload), ...(row.consumed_at && { consumed: Math.floor(row.consumed_at.getTime() / 1000) }) };
  }
}

async function consume(tx: Tx, kind: string, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('sys_accounts_oauth_artifacts').set({ consumed_at: sql<Date>`now()` }).where('kind', '=', kind).where('key_hash', '=', hashOf(id)).where('consumed_at', 'is', null).executeTakeFirst();
  return numUpdatedRows === 1n;
}
