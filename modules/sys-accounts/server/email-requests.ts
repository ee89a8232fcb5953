import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { currentCall } from '@mainstay/kernel';
import { RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { sql } from 'kysely';
import { errors } from '../errors.ts';
import type { Needs } from './needs.ts';

/**
 * Counts one more request for an e-mail to an address, from wherever, and by the network address that asks, if nobody is signed in
 * there: else it counts against the account's or the org's own limit where the e-mail is sent. Throws `TOO_MANY_REQUESTS` if that is one
 * too many: alike for every address, whether it has an account or not.
 */
export async function countEmailRequest({ db, config }: Needs, email: string): Promise<void> {
  const { clientAddress, principal } = currentCall();
  const counters = [
    { key: keyOf('e-mail to', email.toLowerCase()), most: config.emailRequests },
    ...(clientAddress && principal.kind === 'anonymous' ? [{ key: keyOf('e-mail asked from', clientAddress), most: config.emailRequestsPerAddress }] : []),
  ];
  const lapse = sql<Date>`now() + interval '1 hour'`;
  const counts = await db.writeApart(async (tx) => {
    const counted: { failures: number; seconds: number }[] = [];
    for (const { key } of counters) {
      counted.push(await tx
        .insertInto('sys_accounts_login_attempts')
        .values({ key, failures: 1, expires_at: lapse })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({
          failures: sql`case when sys_accounts_login_attempts.expires_at < now() then 1 else sys_accounts_login_attempts.failures + 1 end`,
          // An hour from the first: who asks in vain is not made to wait longer.
          expires_at: sql`case when sys_accounts_login_attempts.expires_at < now() then ${lapse} else sys_accounts_login_attempts.expires_at end`,
        }))
        .returning(['failures', sql<number>`ceil(extract(epoch from expires_at - now()))::int`.as('seconds')])
        .executeTakeFirstOrThrow());
    }
    return counted;
  });
  const over = counts.filter(({ failures }, at) => failures > counters[at]!.most).map(({ seconds }) => seconds);
  if (over.length > 0) throw tooMany(Math.max(1, ...over));
}

function tooMany(seconds: number) {
  const error = errors.TOO_MANY_REQUESTS({ minutes: Math.ceil(seconds / 60) });
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: create(DurationSchema, { seconds: BigInt(seconds) }) } });
  return error;
}

const keyOf = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\n')).digest();
