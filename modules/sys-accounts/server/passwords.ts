import { hash, verify } from '@node-rs/argon2';
import type { Config } from '../config.ts';
import { errors } from '../errors.ts';
import type { Needs } from './needs.ts';
import { newOpaqueToken } from './opaque-token.ts';

type Effort = Pick<Config, 'passwordMemoryMib'>;

/** What OWASP's Password Storage Cheat Sheet asks for with two passes. */
const LEAST_MEBIBYTES = 19;
const argon2id = ({ passwordMemoryMib }: Effort) => ({ memoryCost: passwordMemoryMib * 1024, timeCost: 2, parallelism: 1 });
const atOnce = 2;
const waitingAtMost = 200;

let running = 0;
const waiting: (() => void)[] = [];
const decoys = new Map<number, Promise<string>>();

/** Refuses to serve people with hashes that are guessed too fast. */
export function requireEffort({ config: { passwordMemoryMib }, deployment: { phase } }: Pick<Needs, 'config' | 'deployment'>): void {
  if (phase === 'D' || phase === 'T' || passwordMemoryMib >= LEAST_MEBIBYTES) return;
  throw new Error(`passwordMemoryMib is ${passwordMemoryMib}: in phase ${phase} it must be at least ${LEAST_MEBIBYTES}; set it in the deployment file, or leave it out to have 64`);
}

/** The argon2id hash of a password (RFC 9106). Throws `TOO_BUSY` when too many wait. */
export const hashPassword = (effort: Effort, password: string): Promise<string> => inTurn(() => hash(password, argon2id(effort)));

/** Whether the password fits the hash. Without a hash it takes the same time and is false. */
export async function verifyPassword(effort: Effort, passwordHash: string | null | undefined, password: string): Promise<boolean> {
  const standIn = await decoyOf(effort);
  const fits = await inTurn(() => verify(passwordHash ?? standIn, password));
  return fits && passwordHash != null;
}

/** Whether a hash was made with another effort than today's: it is to be made anew when the password is known. */
export const isOutdated = (effort: Effort, passwordHash: string): boolean => !passwordHash.startsWith(`$argon2id$v=19$m=${argon2id(effort).memoryCost},t=2,p=1$`);

function decoyOf(effort: Effort): Promise<string> {
  const decoy = decoys.get(effort.passwordMemoryMib) ?? hashPassword(effort, newOpaqueToken());
  decoys.set(effort.passwordMemoryMib, decoy);
  // One that was refused because too many wait is made another time.
  decoy.catch(() => decoys.delete(effort.passwordMemoryMib));
  return decoy;
}

/** Each hash fills its memory, and one core for about 1 ms per 2 MiB: let few run at once, and not too many wait. */
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
