import { existsSync } from 'node:fs';
import { defineModule, defineSaga, givingUp, job, sleepUntil, step, type Database } from '@mainstay/kernel';
import { z } from 'zod';
import { ModulesService } from '../contract/index.ts';

interface Needs {
  config: { bank: string };
  db: Database<any>;
}

const payment = defineSaga({
  name: 'payment',
  input: z.object({ days: z.int() }),
  steps: [
    step('reserve', async () => 'secret result', async ({ config }: Needs) => { if (!existsSync(config.bank)) throw givingUp(new Error('the bank of eve@umbrella.test is closed')); }),
    sleepUntil('rest', ({ input }) => new Date(Date.now() + input.days * 86_400_000)),
    step('pay', async () => { throw givingUp(new Error('no money')); }),
  ],
});

/** A module with a saga, which can be undone as long as the bank is open: as the file `bank` is there. */
export default defineModule({
  name: 'mod-probe',
  config: z.strictObject({ bank: z.string() }),
  requires: { modules: ModulesService },
  sagas: [payment],
  jobs: [job('begin', async ({ db }: Needs, input: { days: number }) => { await db.write((tx) => tx.start(payment as never, input)); })],
});
