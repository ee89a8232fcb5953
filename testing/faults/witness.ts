import { defineModule, job, on, type Database } from '@mainstay/kernel';
import { PromiseFulfilledSchema, PromiseMadeSchema, ReminderFiredSchema } from '@mainstay/mod-promist/contract';
import type { Generated } from 'kysely';
import { z } from 'zod';

interface Tables {
  mod_witness_sights: { id: Generated<string>; what: string; subject: string };
}
interface Needs {
  db: Database<Tables>;
}

const see = ({ db }: Needs, what: string, subject: string) => db.write((tx) => tx.insertInto('mod_witness_sights').values({ what, subject }).execute());

/** Queued by the handler of an event: what a job does must take effect once too. */
const lookAgain = job<Needs, { promiseId: string }>('look-again', async (needs, { promiseId }) => void (await see(needs, 'job', promiseId)));

/** Writes down every event and job that it sees, as often as it sees it. */
export const witness = defineModule({
  name: 'mod-witness',
  requires: {},
  config: z.strictObject({}),
  database: { migrations: new URL('./witness-migrations/', import.meta.url) },
  events: [
    on(PromiseMadeSchema, async ({ db }: Needs, { promiseId }) => {
      await db.write(async (tx) => {
        await tx.insertInto('mod_witness_sights').values({ what: 'made', subject: promiseId }).execute();
        await tx.enqueue(lookAgain, { promiseId });
      });
    }),
    on(PromiseFulfilledSchema, async (needs: Needs, { promiseId }) => void (await see(needs, 'fulfilled', promiseId))),
    on(ReminderFiredSchema, async (needs: Needs, { reminderId }) => void (await see(needs, 'reminded', reminderId))),
  ],
  jobs: [lookAgain],
});
