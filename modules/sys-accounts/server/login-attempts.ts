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

/** One try to log in, counted as failed until it proves right. */
export interface LoginAttempt {
  /** The password was right: forgets the failures of this e-mail address from this network address. */
  succeeded(): Promise<void>;
  /** The password was wrong: gives the ban if this was one failure too many, else `wrong`. */
  failed(wrong: ConnectError): ConnectError;
}

interface Counter {
  key: Buffer;
  limit: number;
}

/**
 * Counts a login before its password is checked, so that many at once can't get around the limit. The counts
 * are in the database: a ban outlives a restart. Throws `TOO_MANY_ATTEMPTS`, with RetryInfo, while one lasts.
 */
export async function beginAttempt({ db, config }: { db: Database<Tables>; config: Config }, email: string, address: string | undefined): Promise<LoginAttempt> {
  const pair = { key: keyOf(email.toLowerCase(), address ?? ''), limit: config.failedLogins };
  const counters = [pair, ...(address ? [{ key: keyOf(address), limit: config.failedLoginsPerAddress }] : [])];
  const counts = await db.write((tx) => Promise.all(counters.map((counter) => count(tx, counter, config.banMinutes))));
  const over = (by: number) => counts.filter(({ failures, limit }) => failures > limit + by);
  if (over(1).length > 0) throw banned(over(1));
  return {
    succeeded: async () => {
      await db.write(async (tx) => {
        await tx.deleteFrom('sys_accounts_login_attempts').where('key', '=', pair.key).execute();
        // Only this try is taken back: a login of one's own must not clear guesses at others' passwords.
        for (const { key } of counters.slice(1)) await tx.updateTable('sys_accounts_login_attempts').set({ failures: sql`greatest(failures - 1, 0)` }).where('key', '=', key).execute();
      });
    },
    failed: (wrong) => (over(0).length > 0 ? banned(over(0)) : wrong),
  };
}

async function count(tx: Transaction<Tables>, { key, limit }: Counter, banMinutes: number) {
  const lapse = sql<Date>`now() + ${banMinutes} * interval '1 minute'`;
  const row = await tx
    .insertInto('sys_accounts_login_attempts')
    .values({ key, failures: 1, expires_at: lapse })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        failures: sql`case when sys_accounts_login_attempts.expires_at < now() then 1 else sys_accounts_login_attempts.failures + 1 end`,
        // Further tries don't prolong a ban.
        expires_at: sql`case when sys_accounts_login_attempts.failures > ${limit} and sys_accounts_login_attempts.expires_at > now() then sys_accounts_login_attempts.expires_at else ${lapse} end`,
      }),
    )
    .returning(['failures', sql<number>`extract(epoch from expires_at - now())::int`.as('seconds')])
    .executeTakeFirstOrThrow();
  return { ...row, limit };
}

function banned(counts: { seconds: number }[]): ConnectError {
  const seconds = Math.max(...counts.map((counted) => counted.seconds), 1);
  const error = errors.TOO_MANY_ATTEMPTS({ minutes: Math.ceil(seconds / 60) });
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: create(DurationSchema, { seconds: BigInt(seconds) }) } });
  return error;
}

const keyOf = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\n')).digest();
