import type { ConnectError } from '@connectrpc/connect';
import { currentCall } from '@mainstay/kernel';
import type { AccountRow } from './account-message.ts';
import { beginAttempt } from './login-attempts.ts';
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

/** Checks a password, and counts the failures: too many are a ban, whichever method they came through. */
export async function provePassword(needs: Needs, { email, account, wrong }: Claim, password: string): Promise<AccountRow> {
  const attempt = await beginAttempt(needs, email, currentCall().clientAddress);
  if (!(await verifyPassword(account?.password_hash, password))) throw attempt.failed(wrong);
  await attempt.succeeded();
  return account!;
}
