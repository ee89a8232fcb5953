import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ServiceImpl } from '@connectrpc/connect';
import { defineErrors, defineModule, serve, type Database, type Transaction } from '@mainstay/kernel';
import { ClerkService, LedgerService } from '@mainstay/kernel/testing';
import { sql, type Generated } from 'kysely';
import { z } from 'zod';

interface Tables {
  mod_ledger_lines: { id: Generated<string>; text: string };
  mod_clerk_pairs: { id: Generated<string>; text: string };
}

const ledgerErrors = defineErrors('mod-ledger', {
  TROUBLE: ['FailedPrecondition', 'it went wrong as it was told to'],
  STRANGER: ['Unauthenticated', 'who are you'],
});

/** Commands of every kind, to test the kernel with. */
export const ledger = defineModule({
  name: 'mod-ledger',
  requires: {},
  config: z.strictObject({}),
  database: { migrations: new URL('./migrations/', import.meta.url) },
  services: [serve(LedgerService, ledgerService)],
});

/** A module whose command calls commands of another. */
export const clerk = defineModule({
  name: 'mod-clerk',
  requires: { ledger: LedgerService },
  config: z.strictObject({}),
  database: { migrations: new URL('./clerk-migrations/', import.meta.url) },
  services: [serve(ClerkService, clerkService)],
});

export default [ledger, clerk];

function ledgerService({ db }: { db: Database<Tables> }): ServiceImpl<typeof LedgerService> {
  return {
    async writeLine({ text, trouble }) {
      if (trouble === 'apart') await db.writeApart((tx) => write(tx, `${text} apart`));
      const line = await db.write((tx) => write(tx, text));
      if (trouble === 'slow') await sleep(200);
      if (trouble === 'swallow') await db.write((tx) => sql`select 1 / 0`.execute(tx)).catch(() => {});
      if (trouble === 'cross') await db.write(lockBoth);
      if (trouble === 'stranger') throw ledgerErrors.STRANGER();
      if (trouble === 'throw' || trouble === 'apart') throw ledgerErrors.TROUBLE();
      // What was written is seen before it is committed.
      const { length } = await db.read((q) => q.selectFrom('mod_ledger_lines').select('id').where('id', '=', line.id).execute());
      if (length !== 1) throw new Error('the command does not see what it wrote');
      return line;
    },
    async issueSecret({ text }) {
      await db.write((tx) => write(tx, text));
      return { secret: randomBytes(16).toString('hex') };
    },
    async *writeLines({ text, count, trouble }) {
      for (let written = 0; written < count; written++) yield await db.write((tx) => write(tx, text));
      if (trouble) throw ledgerErrors.TROUBLE();
    },
    closeLedger: () => ({}),
    async countLines({ text }) {
      return { count: (await db.read((q) => q.selectFrom('mod_ledger_lines').select('id').where('text', '=', text).execute())).length };
    },
  };
}

async function write(tx: Transaction<Tables>, text: string) {
  const before = (await tx.selectFrom('mod_ledger_lines').select('id').where('text', '=', text).execute()).length;
  const { id } = await tx.insertInto('mod_ledger_lines').values({ text }).returning('id').executeTakeFirstOrThrow();
  return { id, text, before };
}

let turn = 0;

/** Two of these at once, the one after the other way round, lock each other out. */
async function lockBoth(tx: Transaction<Tables>): Promise<void> {
  const [first, second] = turn++ % 2 === 0 ? [1, 2] : [2, 1];
  await sql`select pg_advisory_xact_lock(7, ${first})`.execute(tx);
  await sleep(100);
  await sql`select pg_advisory_xact_lock(7, ${second})`.execute(tx);
}

function clerkService({ db, ledger }: { db: Database<Tables>; ledger: Client<typeof LedgerService> }): ServiceImpl<typeof ClerkService> {
  return {
    async writePair({ text, trouble }) {
      await db.write((tx) => tx.insertInto('mod_clerk_pairs').values({ text }).execute());
      const lines = [await ledger.writeLine({ text }), await ledger.writeLine({ text })];
      const { length } = await db.read((q) => q.selectFrom('mod_clerk_pairs').select('id').where('text', '=', text).execute());
      if (trouble && !(await wentWrongBefore(db, text))) throw ledgerErrors.TROUBLE();
      return { ids: [...lines.map(({ id }) => id), String(length)] };
    },
  };
}

/** Whether it was asked before, in whichever process: what fails the first time and works the second. */
async function wentWrongBefore(db: Database<Tables>, text: string): Promise<boolean> {
  const note = `${text} went wrong`;
  const before = await db.read((q) => q.selectFrom('mod_clerk_pairs').select('id').where('text', '=', note).execute());
  if (before.length === 0) await db.writeApart((tx) => tx.insertInto('mod_clerk_pairs').values({ text: note }).execute());
  return before.length > 0;
}
