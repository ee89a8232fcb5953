import { currentTime, type Transaction } from '@mainstay/kernel';
import { Secret, TOTP } from 'otpauth';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { seal, unseal } from '../sealing.ts';
import type { FactorRow } from './factor-rows.ts';

type Deployment = Pick<Needs['deployment'], 'secret' | 'name'>;

/** Seconds that a code is shown; and the steps before and after it that are taken too, for clocks that differ (RFC 6238 §5.2). */
const period = 30;
const window = 1;
const purpose = 'second factors';

/** A new secret of 160 bits, as RFC 4226 wants it, with what an app reads as a QR code. */
export function newTotp({ secret, name }: Deployment, factorId: string, email: string): { sealed: Buffer; uri: string; base32: string } {
  const totp = new TOTP({ issuer: name, label: email, secret: new Secret({ size: 20 }), period });
  return { sealed: seal(secret, purpose, factorId, totp.secret.base32), uri: totp.toString(), base32: totp.secret.base32 };
}

/** Uses up a code: gives whether it is right for now, and newer than the last that was used. */
export async function useTotp(tx: Transaction<Tables>, { secret }: Deployment, { id, sealed_secret }: FactorRow, code: string): Promise<boolean> {
  const base32 = sealed_secret && unseal(secret, purpose, id, sealed_secret);
  const step = base32 ? stepOf(base32, code, currentTime().getTime()) : undefined;
  if (step === undefined) return false;
  const { numUpdatedRows } = await tx.updateTable('sys_accounts_second_factors').set({ last_step: step, last_used_at: sql<Date>`now()` }).where('id', '=', id).where('last_step', '<', step).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The step that a code belongs to; nothing if to none that counts at `time`, in milliseconds. */
export function stepOf(base32: string, code: string, time: number): number | undefined {
  const delta = new TOTP({ secret: Secret.fromBase32(base32), period }).validate({ token: code, timestamp: time, window });
  return delta === null ? undefined : Math.floor(time / 1000 / period) + delta;
}
