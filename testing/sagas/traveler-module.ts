import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@connectrpc/connect';
import { defineModule, defineSaga, givingUp, job, step, type Database, type DeploymentInfo, type StepFacts } from '@mainstay/kernel';
import { LedgerService } from '@mainstay/kernel/testing';
import type { Generated } from 'kysely';
import { z } from 'zod';

interface Needs {
  db: Database<{ mod_traveler_deeds: { id: Generated<string>; text: string } }>;
  ledger: Client<typeof LedgerService>;
  deployment: DeploymentInfo;
}

const trouble = z.object({
  /** How often it fails before it works. */
  failures: z.int().min(0).default(0),
  /** It never works. */
  refuses: z.boolean().default(false),
  /** Where its process kills itself, the first time that a process comes there. */
  dies: z.enum(['never', 'before', 'after the call', 'after the write']).default('never'),
});
export const tripInput = z.object({ trip: z.string(), pauseMilliseconds: z.int().default(0), forth: z.array(trouble).length(4), back: z.array(trouble.omit({ refuses: true })).length(4) });
export type TripInput = z.input<typeof tripInput>;

/** How often this process failed where it was told to. */
const failures = new Map<string, number>();

async function deed({ db, ledger, deployment }: Needs, text: string, { failures: wanted, refuses = false, dies }: { failures: number; refuses?: boolean; dies: string }, pause: number): Promise<void> {
  const die = (where: string): void => {
    const marker = join(deployment.dataFolder, `${text}-${where}`.replaceAll(' ', '-'));
    if (dies !== where || existsSync(marker)) return;
    writeFileSync(marker, '');
    process.kill(process.pid, 'SIGKILL');
  };
  die('before');
  // A refusal, before it has done anything.
  if (refuses) throw givingUp(new Error(`no ${text}`));
  await ledger.writeLine({ text });
  await sleep(pause);
  die('after the call');
  await db.write((tx) => tx.insertInto('mod_traveler_deeds').values({ text }).execute());
  die('after the write');
  const failed = failures.get(text) ?? 0;
  failures.set(text, failed + 1);
  if (failed < wanted) throw new Error(`${text} failed`);
}

/** Four steps that call another service and write, which go wrong as the saga was told. */
const trip = defineSaga({
  name: 'trip',
  input: tripInput,
  backoff: { first: 0.02, most: 0.05 },
  steps: [0, 1, 2, 3].map((at) => step(`leg-${at}`,
    async (needs: Needs, { input }: StepFacts<z.infer<typeof tripInput>>) => deed(needs, `${input.trip} forth ${at}`, input.forth[at]!, input.pauseMilliseconds),
    async (needs, { input }) => deed(needs, `${input.trip} back ${at}`, input.back[at]!, input.pauseMilliseconds), { tries: 20 })),
});

const begin = job('begin', async ({ db }: { db: Database<any> }, input: TripInput) => {
  await db.write((tx) => tx.start(trip as never, input, { key: input.trip }));
});

/** A module whose saga calls commands of the ledger. */
export const traveler = defineModule({
  name: 'mod-traveler',
  requires: { ledger: LedgerService },
  config: z.strictObject({}),
  database: { migrations: new URL('./migrations/', import.meta.url) },
  sagas: [trip],
  jobs: [begin],
});
