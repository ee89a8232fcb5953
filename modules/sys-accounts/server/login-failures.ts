import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import type { ConnectError } from '@connectrpc/connect';
import type { Database, Transaction } from '@mainstay/kernel';
import { RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { sql } from 'kysely';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';

/** Counts the failed logins of something. More than `limit` of them are a ban. */
interface Counter {
  key: Buffer;
  limit: number;
}

interface Count {
  failures: number;
  /** Until it is forgotten. */
  seconds: number;
}

/**
 * The failed logins of one e-mail address from one network address, and of that network address whatever the
 * e-mail address; and, where the password was right and a second factor is guessed, of the account from wherever. They are in
 * the database, so a ban outlives a restart.
 */
export class LoginFailures {
  /** Names whose failures are counted. */
  readonly name: string;
  readonly #db: Database<Tables>;
  readonly #banMinutes: number;
  readonly #pair: Counter;
  readonly #counters: readonly Counter[];
  readonly #forgotten: readonly Counter[];

  constructor({ db, config }: { db: Database<Tables>; config: Config }, email: string, address: string | undefined, accountId?: string) {
    this.#db = db;
    this.#banMinutes = config.banMinutes;
    this.#pair = { key: keyOf(email.toLowerCase(), address ?? ''), limit: config.failedLogins };
    const account = accountId ? [{ key: keyOf('second factor', accountId), limit: config.failedFactorsPerAccount }] : [];
    this.#counters = [this.#pair, ...account, ...(address ? [{ key: keyOf(address), limit: config.failedLoginsPerAddress }] : [])];
    this.#forgotten = [this.#pair, ...account];
    this.name = this.#pair.key.toString('hex');
  }

  /** Throws `TOO_MANY_ATTEMPTS`, with RetryInfo, while a ban lasts. */
  async refuseBanned(): Promise<void> {
    const keys = this.#counters.map(({ key }) => key);
    const rows = await this.#db.read((q) => q.selectFrom('sys_accounts_login_attempts').select(['key', 'failures', secondsLeft]).where('key', 'in', keys).where('expires_at', '>', sql<Date>`now()`).execute());
    const ban = this.#banOf(this.#counters.map(({ key }) => rows.find((row) => key.equals(row.key))));
    if (ban) throw ban;
  }

  /** Counts one more, whatever becomes of the command; gives the ban if that was one too many. */
  async add(): Promise<ConnectError | undefined> {
    const counts = await this.#db.writeApart(async (tx) => {
      const counted: Count[] = [];
      for (const { key } of this.#counters) counted.push(await addFailure(tx, key, this.#banMinutes));
      return counted;
    });
    return this.#banOf(counts);
  }

  /** A login that succeeds forgets the failures of its e-mail address from there, and of its account, and no guesses at others' passwords. */
  async forget(): Promise<void> {
    const keys = this.#forgotten.map(({ key }) => key);
    const found = await this.#db.read((q) => q.selectFrom('sys_accounts_login_attempts').select('failures').where('key', 'in', keys).limit(1).executeTakeFirst());
    if (found) await this.#db.writeApart((tx) => tx.deleteFrom('sys_accounts_login_attempts').where('key', 'in', keys).execute());
  }

  #banOf(counts: readonly (Count | undefined)[]): ConnectError | undefined {
    const over = counts.filter((count, at) => count !== undefined && count.failures > this.#counters[at]!.limit);
    if (over.length === 0) return undefined;
    const seconds = Math.max(1, ...over.map((count) => count!.seconds));
    const error = errors.TOO_MANY_ATTEMPTS({ minutes: Math.ceil(seconds / 60) });
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: create(DurationSchema, { seconds: BigInt(seconds) }) } });
    return error;
  }
}

const secondsLeft = sql<number>`ceil(extract(epoch from expires_at - now()))::int`.as('seconds');

async function addFailure(tx: Transaction<Tables>, key: Buffer, banMinutes: number): Promise<Count> {
  const lapse = sql<Date>`now() + ${banMinutes} * interval '1 minute'`;
  return tx
    .insertInto('sys_accounts_login_attempts')
    .values({ key, failures: 1, expires_at: lapse })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ failures: sql`case when sys_accounts_login_attempts.expires_at < now() then 1 else sys_accounts_login_attempts.failures + 1 end`, expires_at: lapse }))
    .returning(['failures', secondsLeft])
    .executeTakeFirstOrThrow();
}

const keyOf = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\n')).digest();
