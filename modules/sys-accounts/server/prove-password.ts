import type { ConnectError } from '@connectrpc/connect';
import { currentCall } from '@mainstay/kernel';
import { errors } from '../errors.ts';
import type { AccountRow } from './account-message.ts';
import { LoginFailures } from './login-failures.ts';
import type { Needs } from './needs.ts';
import { verifyPassword } from './passwords.ts';

interface Claim {
  /** Whose account it is claimed to be. */
  email: string;
  /** The account of that address, if there is one. */
  account: AccountRow | undefined;
  /** The answer to a wrong password. */
  wrong: ConnectError;
}

const waitingAtMost = 50;
const turns = new Map<string, { last: Promise<unknown>; length: number }>();

/**
 * Checks a password, and counts the failures: too many are a ban, whichever method they came through. Those for
 * one e-mail address from one network address are checked one after the other, so that many guesses at once get no
 * further than one at a time, and many right passwords at once are all right.
 */
export async function provePassword(needs: Needs, { email, account, wrong }: Claim, password: string): Promise<AccountRow> {
  const failures = new LoginFailures(needs, email, currentCall().clientAddress);
  return inTurn(failures.name, async () => {
    await failures.refuseBanned();
    if (!(await verifyPassword(needs.config, account?.password_hash, password))) throw (await failures.add()) ?? wrong;
    await failures.forget();
    return account!;
  });
}

async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const turn = turns.get(name) ?? { last: Promise.resolve(), length: 0 };
  if (turn.length >= waitingAtMost) throw errors.TOO_BUSY();
  turn.length++;
  turns.set(name, turn);
  const result = turn.last.then(work);
  turn.last = result.catch(() => {});
  try {
    return await result;
  } finally {
    if (--turn.length === 0) turns.delete(name);
  }
}
