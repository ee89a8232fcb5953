import { caller, newId, type Transaction } from '@mainstay/kernel';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { sql } from 'kysely';
import { Factor, type ConfirmSecondFactorRequest, type CreateSecondFactorRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { raiseSession, requireSession } from '../login/step-up.ts';
import type { Needs } from '../needs.ts';
import { orTaken } from '../or-taken.ts';
import { announceChange } from './announce-change.ts';
import { isEmailCode, mailFactorCode } from './email-codes.ts';
import { factorMessage, factorsOf, provenWithin, type FactorRow } from './factor-rows.ts';
import { creationOptions, madePasskey } from './passkeys.ts';
import { renewRecoveryCodes } from './recovery-codes.ts';
import { newTotp, useTotp } from './totp.ts';

type Tx = Transaction<Tables>;

/** An account has so many second factors at most; and a new one can be tried so often. */
const mostFactors = 20;
const mostTries = 5;

const kinds: Partial<Record<Factor, FactorRow['kind']>> = { [Factor.TOTP]: 'TOTP', [Factor.PASSKEY]: 'PASSKEY', [Factor.EMAIL_CODE]: 'EMAIL_CODE' };
const namesOf = { TOTP: 'Authenticator app', PASSKEY: 'Passkey', EMAIL_CODE: 'E-mail' };

/** Begins to add a second factor. */
export function createSecondFactor(needs: Needs, { factor, name }: CreateSecondFactorRequest) {
  const kind = kinds[factor]!;
  return needs.db.write(async (tx) => {
    await requireSession(tx);
    const account = await lockOwn(tx);
    const existing = await factorsOf(tx, account.id).execute();
    if (existing.length >= mostFactors) throw errors.SECOND_FACTORS_REACHED({ most: mostFactors });
    await tx.deleteFrom('sys_accounts_second_factors').where('account_id', '=', account.id).where('confirmed_at', 'is', null).where('kind', '=', kind).execute();
    const id = newId();
    const totp = kind === 'TOTP' ? newTotp(needs.deployment, id, account.email!) : undefined;
    const passkey = kind === 'PASSKEY' ? await creationOptions(needs, { ...account, email: account.email! }, existing.filter((row) => row.kind === kind)) : undefined;
    const values = { id, account_id: account.id, kind, name: name || namesOf[kind], sealed_secret: totp?.sealed ?? null, challenge: passkey?.challenge ?? null } as const;
    const row = await tx.insertInto('sys_accounts_second_factors').values(values).returningAll().returning(sql<Date>`now() + ${provenWithin}`.as('expires_at')).executeTakeFirstOrThrow();
    if (kind === 'EMAIL_CODE') await tx.enqueue(mailFactorCode, { secondFactorId: id });
    return { secondFactor: factorMessage(row), totpUri: totp?.uri, totpSecret: totp?.base32, passkeyOptions: passkey?.options, expireTime: timestampFromDate(row.expires_at) };
  });
}

/** Adds a second factor for good, if its proof is right. */
export async function confirmSecondFactor(needs: Needs, { secondFactorId, proof }: ConfirmSecondFactorRequest) {
  const { accountId } = caller();
  const pending = await takeTry(needs.db, secondFactorId, accountId);
  if (!pending) throw errors.SECOND_FACTOR_NOT_FOUND({ secondFactorId });
  return orTaken(errors.PASSKEY_TAKEN(), () => needs.db.write(async (tx) => {
    const session = await requireSession(tx);
    await lockOwn(tx);
    const isFirst = (await factorsOf(tx, accountId).limit(1).executeTakeFirst()) === undefined;
    const found = await provenAs(tx, needs, pending, proof!.proof);
    if (!found) throw errors.FACTOR_WRONG();
    const row = await tx.updateTable('sys_accounts_second_factors').set({ ...found, confirmed_at: sql<Date>`now()`, challenge: null }).where('id', '=', pending.id).where('confirmed_at', 'is', null).returningAll().executeTakeFirst();
    if (!row) throw errors.SECOND_FACTOR_NOT_FOUND({ secondFactorId });
    await raiseSession(tx, session, amrOf(row));
    await announceChange(tx, accountId);
    return { secondFactor: factorMessage(row), recoveryCodes: isFirst ? await renewRecoveryCodes(tx, accountId) : [] };
  }));
}

/** What the proof of a new factor says of the session in which it was shown. */
const amrOf = ({ kind, device_bound }: FactorRow): string[] => (kind === 'TOTP' ? ['otp'] : kind === 'EMAIL_CODE' ? ['otp', 'email'] : [device_bound ? 'hwk' : 'swk', 'user']);

/** What the proof says of the new factor; nothing if it is wrong. */
async function provenAs(tx: Tx, needs: Needs, pending: FactorRow, proof: NonNullable<ConfirmSecondFactorRequest['proof']>['proof']) {
  if (pending.kind === 'TOTP' && proof.case === 'totpCode') return (await useTotp(tx, needs.deployment, pending, proof.value)) ? {} : undefined;
  if (pending.kind === 'PASSKEY' && proof.case === 'passkey') return madePasskey(needs, proof.value, pending.challenge!);
  if (pending.kind === 'EMAIL_CODE' && proof.case === 'emailCode') return isEmailCode(needs.deployment, pending.id, proof.value) ? {} : undefined;
  return undefined;
}

/** Takes one of the tries of a factor that waits to be confirmed, whatever becomes of it. */
const takeTry = (db: Needs['db'], id: string, accountId: string): Promise<FactorRow | undefined> =>
  db.writeApart((tx) =>
    tx
      .updateTable('sys_accounts_second_factors')
      .set({ tries: sql<number>`tries + 1` })
      .where('id', '=', id)
      .where('account_id', '=', accountId)
      .where('confirmed_at', 'is', null)
      .where('tries', '<', mostTries)
      .where('created_at', '>', sql<Date>`now() - ${provenWithin}`)
      .returningAll()
      .executeTakeFirst(),
  );

/** One's own account, locked: one change of its factors at a time. */
const lockOwn = (tx: Tx) => tx.selectFrom('sys_accounts_accounts').select(['id', 'email', 'display_name', 'password_hash']).where('id', '=', caller().accountId).forUpdate().executeTakeFirstOrThrow();
