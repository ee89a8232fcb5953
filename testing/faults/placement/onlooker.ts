import { defineModule, on, type Database } from '@mainstay/kernel';
import { PromiseMadeSchema } from '@mainstay/mod-promist/contract';
import type { Generated } from 'kysely';
import { z } from 'zod';

interface Needs {
  db: Database<{ mod_witness_sights: { id: Generated<string>; what: string; subject: string } }>;
}

/** Writes down each promise that it hears of, as often as it does. */
export const onlooker = defineModule({
  name: 'mod-witness',
  requires: {},
  config: z.strictObject({}),
  database: { migrations: new URL('../witness-migrations/', import.meta.url) },
  events: [on(PromiseMadeSchema, async ({ db }: Needs, { promiseId }) => void (await db.write((tx) => tx.insertInto('mod_witness_sights').values({ what: 'made', subject: promiseId }).execute())))],
});
