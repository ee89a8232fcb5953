import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, type Transaction } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import type { SecondFactorsService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { requireSession } from '../login/step-up.ts';
import type { Needs, Reader } from '../needs.ts';
import { announceChange } from './announce-change.ts';
import { confirmSecondFactor, createSecondFactor } from './enrolment.ts';
import { factorMessage, factorsOf } from './factor-rows.ts';
import { renewRecoveryCodes } from './recovery-codes.ts';
import { devicesOf } from './remembered-devices.ts';
import { removeWhatGoesWithThem } from './remove-second-factors.ts';
import { resetSecondFactors } from './reset-second-factors.ts';

type Tx = Transaction<Tables>;

/** What people show beside their password, or in its place. */
export function secondFactorsService(needs: Needs): ServiceImpl<typeof SecondFactorsService> {
  const { db } = needs;
  return {
    createSecondFactor: (request) => createSecondFactor(needs, request),
    confirmSecondFactor: (request) => confirmSecondFactor(needs, request),
    resetSecondFactors: (request) => resetSecondFactors(needs, request),

    async listSecondFactors() {
      const { accountId } = caller();
      const rows = await db.read((q) => factorsOf(q, accountId).execute());
      const left = await db.read((q) => q.selectFrom('sys_accounts_recovery_codes').select('code_hash').where('account_id', '=', accountId).execute());
      return { secondFactors: rows.map(factorMessage), recoveryCodesLeft: left.length };
    },

    async updateSecondFactor({ secondFactorId, name }) {
      const row = await db.write((tx) => tx.updateTable('sys_accounts_second_factors').set({ name }).where('id', '=', secondFactorId).where('account_id', '=', caller().accountId).returningAll().executeTakeFirst());
      if (!row) throw errors.SECOND_FACTOR_NOT_FOUND({ secondFactorId });
      return factorMessage(row);
    },

    async deleteSecondFactor({ secondFactorId }) {
      await db.write((tx) => deleteSecondFactor(tx, secondFactorId));
      return create(EmptySchema);
    },

    async createRecoveryCodes() {
      const { accountId } = caller();
      const recoveryCodes = await db.write(async (tx) => {
        await requireSession(tx);
        if (!(await factorsOf(tx, accountId).limit(1).executeTakeFirst())) throw errors.NO_SECOND_FACTOR();
        return renewRecoveryCodes(tx, accountId);
      });
      return { recoveryCodes };
    },

    async listRememberedDevices() {
      const rows = await db.read(async (q) => devicesOf(q, await own(q)).execute());
      return { rememberedDevices: rows.map(deviceMessage) };
    },

    async deleteRememberedDevice({ rememberedDeviceId }) {
      const { numDeletedRows } = await db.write((tx) => tx.deleteFrom('sys_accounts_remembered_devices').where('id', '=', rememberedDeviceId).where('account_id', '=', caller().accountId).executeTakeFirst());
      if (numDeletedRows === 0n) throw errors.REMEMBERED_DEVICE_NOT_FOUND({ rememberedDeviceId });
      return create(EmptySchema);
    },
  };
}

async function deleteSecondFactor(tx: Tx, secondFactorId: string): Promise<void> {
  const { accountId } = caller();
  await requireSession(tx);
  const removed = await tx.deleteFrom('sys_accounts_second_factors').where('id', '=', secondFactorId).where('account_id', '=', accountId).returning('confirmed_at').executeTakeFirst();
  if (!removed) throw errors.SECOND_FACTOR_NOT_FOUND({ secondFactorId });
  // One that never counted is missed by nobody.
  if (!removed.confirmed_at) return;
  if (!(await factorsOf(tx, accountId).limit(1).executeTakeFirst())) await removeWhatGoesWithThem(tx, accountId);
  await announceChange(tx, accountId);
}

const own = (q: Reader) => q.selectFrom('sys_accounts_accounts').select(['id', 'password_hash']).where('id', '=', caller().accountId).executeTakeFirstOrThrow();

const deviceMessage = (row: Selectable<Tables['sys_accounts_remembered_devices']>) => ({
  rememberedDeviceId: row.id,
  clientAddress: row.client_address,
  createTime: timestampFromDate(row.created_at),
  lastUseTime: timestampFromDate(row.last_used_at),
  expireTime: timestampFromDate(row.expires_at),
});
