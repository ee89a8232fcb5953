import { CompiledQuery } from 'kysely';
import { inScope } from '../commands/run-command.ts';
import type { ModuleDatabase } from '../data/create-database.ts';
import { isUniqueViolation } from '../data/database-errors.ts';
import { schemaOf } from '../data/names.ts';
import { repeatedly } from '../data/repeat.ts';
import { runInCall, type Call } from '../guard/call.ts';

/** A queued job about to run. */
export interface QueuedJob {
  database: ModuleDatabase<any>;
  call: Call;
  /** The name of the job. */
  name: string;
  /** What it was queued as; absent if an earlier version did. */
  id: string | undefined;
  /** It was tried before, perhaps with success that nobody heard of. */
  mayHaveRun: boolean;
}

/**
 * Runs a job as one transaction, which also notes in the module's inbox that it ran: it takes effect once, however often
 * the queue hands it out. Commands of other services that it calls take effect once too.
 */
export async function runQueuedJob({ database, call, name, id, mayHaveRun }: QueuedJob, work: () => Promise<void>): Promise<void> {
  const inbox = `${schemaOf(database.module)}_inbox`;
  const entry = [id, `job:${name}`];
  const note = id === undefined ? [] : [CompiledQuery.raw(`insert into ${inbox} (event_id, handler) values ($1, $2)`, entry)];
  await repeatedly(() => inScope(call, { database }, async (scope) => {
    if (id !== undefined && mayHaveRun && (await scope.begin().run(CompiledQuery.raw(`select from ${inbox} where event_id = $1 and handler = $2`, entry))).rows.length > 0) return;
    await runInCall(call, work);
    await scope.commit(note).catch((error: unknown) => {
      // Somebody else was faster, and what this run wrote is undone.
      if (!isUniqueViolation(error, `${inbox}_pkey`)) throw error;
    });
  }));
}
