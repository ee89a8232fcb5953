import { hash, verify } from '@node-rs/argon2';
import { withViolations } from '@mainstay/kernel';
import { errors } from '../errors.ts';
import { newOpaqueToken } from './opaque-token.ts';

const argon2id = { memoryCost: 64 * 1024, timeCost: 2, parallelism: 1 };
const atOnce = 2;
const waitingAtMost = 200;

let running = 0;
const waiting: (() => void)[] = [];
let decoy: Promise<string> | undefined;

/** The argon2id hash of a password (RFC 9106: 64 MiB, 2 passes). Throws `TOO_BUSY` when too many wait. */
export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(password, argon2id));

/** Whether the password fits the hash. Without a hash it takes the same time and is false. */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  const standIn = await (decoy ??= hashPassword(newOpaqueToken()));
  const fits = await inTurn(() => verify(passwordHash ?? standIn, password));
  return fits && passwordHash != null;
}

/** Refuses a new password that the contract's rules on its length don't catch. `field` is where the request has it. */
export function checkNewPassword(password: string, email: string, field: string): void {
  if (password.trim().toLowerCase() !== email.toLowerCase()) return;
  throw withViolations(errors.PASSWORD_UNFIT(), [{ field, description: 'must not be the e-mail address', reason: 'password.not_email' }]);
}

/** Each hash fills 64 MiB and one core for about 30 ms: let few run at once, and not too many wait. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) {
    if (waiting.length >= waitingAtMost) throw errors.TOO_BUSY();
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running++;
  try {
    return await work();
  } finally {
    // The place is handed on, not freed and taken again: nobody can slip in between.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
