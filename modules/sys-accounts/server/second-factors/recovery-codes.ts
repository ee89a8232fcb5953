import { randomBytes } from 'node:crypto';
import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';
import { hashOf } from '../opaque-token.ts';

const many = 10;
// Crockford's base32: nothing in it is mistaken for another when it was written by hand.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** Makes new recovery codes, in place of those before. Only their hashes are kept. */
export async function renewRecoveryCodes(tx: Transaction<Tables>, accountId: string): Promise<string[]> {
  const codes = Array.from({ length: many }, newCode);
  await tx.deleteFrom('sys_accounts_recovery_codes').where('account_id', '=', accountId).execute();
  await tx.insertInto('sys_accounts_recovery_codes').values(codes.map((code) => ({ code_hash: codeHash(accountId, code), account_id: accountId }))).execute();
  return codes;
}

/** Uses up a recovery code: gives whether it was one of the account's. */
export async function useRecoveryCode(tx: Transaction<Tables>, accountId: string, code: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('sys_accounts_recovery_codes').where('code_hash', '=', codeHash(accountId, code)).where('account_id', '=', accountId).executeTakeFirst();
  return numDeletedRows > 0n;
}

/** 80 random bits, in four groups. */
function newCode(): string {
  const letters = Array.from(randomBytes(16), (byte) => alphabet[byte & 31]).join('');
  return letters.match(/.{4}/g)!.join('-');
}

/** However it was typed: case and separators do not matter, nor letters that look like digits. */
const codeHash = (accountId: string, code: string): Buffer => hashOf(`${accountId} ${code.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1')}`);
