import type { Transaction } from '@mainstay/kernel';
import type { FactorProof } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import { factorsOf } from '../second-factors/factor-rows.ts';
import { useEmailCode } from '../second-factors/email-codes.ts';
import { usedCredential, usePasskey } from '../second-factors/passkeys.ts';
import { useRecoveryCode } from '../second-factors/recovery-codes.ts';
import { useTotp } from '../second-factors/totp.ts';
import type { LoginRow } from './waiting-logins.ts';

type Tx = Transaction<Tables>;
type Means = Pick<Needs, 'config' | 'deployment'>;

/** Checks a second factor of an account, and uses it up where it is good for one use. Gives what it proves, as `amr`, or nothing. */
export async function passFactor(tx: Tx, means: Means, accountId: string, login: LoginRow, { proof }: FactorProof): Promise<readonly string[] | undefined> {
  switch (proof.case) {
    case 'totpCode':
      return (await passTotp(tx, means, accountId, proof.value)) ? ['otp'] : undefined;
    case 'recoveryCode':
      return (await useRecoveryCode(tx, accountId, proof.value)) ? ['otp', 'recovery'] : undefined;
    case 'emailCode':
      return (await useEmailCode(tx, means.deployment, accountId, login, proof.value)) ? ['otp', 'email'] : undefined;
    case 'passkey':
      return passPasskey(tx, means, accountId, login, proof.value);
    default:
      return undefined;
  }
}

async function passTotp(tx: Tx, means: Means, accountId: string, code: string): Promise<boolean> {
  for (const factor of await factorsOf(tx, accountId).where('kind', '=', 'TOTP').execute()) if (await useTotp(tx, means.deployment, factor, code)) return true;
  return false;
}

async function passPasskey(tx: Tx, means: Means, accountId: string, { challenge, account_id }: LoginRow, json: string): Promise<readonly string[] | undefined> {
  const credential = usedCredential(json);
  const factor = credential && (await factorsOf(tx, accountId).where('credential_id', '=', credential).executeTakeFirst());
  return factor && challenge ? usePasskey(tx, means, factor, json, challenge, account_id === null) : undefined;
}
