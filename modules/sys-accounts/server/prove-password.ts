import type { ConnectError } from '@connectrpc/connect';
import { currentCall } from '@mainstay/kernel';
import { errors } from '../errors.ts';
import type { AccountRow } from './account-message.ts';
import { LoginFailures } from './login-failures.ts';
import type { Needs } from './needs.ts';
import { verifyPassword } from './passwords.ts';

interface Claim<A extends AccountRow> {
  /** Whose account it is claimed to be. */
  email: string;
  /** The account of that address, if there is one. */
  account: A | undefined;
  /** The answer to a wrong password. */
  wrong: ConnectError;
  /** More may be asked for after it: whoever asks forgets the failures when that is right too. */
  isFirstStep?: boolean;
}

const waitingAtMost = 50;
const turns = new Map<string, { last: Promise<unknown>; length: number }>();

/** Checks a password, and counts the failures: too many are a ban, whichever method they came through. */
export async function provePassword<A extends AccountRow>(needs: Needs, { email, account, wrong, isFirstStep }: Claim<A>, password: string): Promise<A> {
  const failures = new LoginFailures(needs, email, currentCall().clientAddress);
  const proven = await inTurnOf(failures, wrong, async () => ((await verifyPassword(needs.config, account?.password_hash, password)) ? account : undefined));
  if (!isFirstStep) await failures.forget();
  return proven;
}

/**
 * Checks something that can be guessed: `check` gives nothing if it is wrong. The guesses for one e-mail address from one
 * network address are checked one after the other, so that many at once get no further than one at a time, and many
 * right ones at once are all right.
 */
export function inTurnOf<T>(failures: LoginFailures, wrong: ConnectError, check: () => Promise<T | undefined>): Promise<T> {
  return inTurn(failures.name, async () => {
    await failures.refuseBanned();
    const proven = await check();
    if (proven === undefined) throw (await failures.add()) ?? wrong;
    return proven;
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
