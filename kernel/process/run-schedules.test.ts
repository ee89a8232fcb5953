import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { connectionConfig } from '../data/connection.ts';
import { surviveLoss } from '../data/pool.ts';
import { provision } from '../data/provision.ts';
import { testDatabase } from '../testing/postgres.ts';
import { queueDue, scheduleOf } from './run-schedules.ts';

test('of several processes one queues what is due, and what was missed is queued once', async () => {
  const server = await testDatabase();
  const pools = [1, 2, 3].map(() => surviveLoss(new pg.Pool(connectionConfig(server.adminUrl, { database: server.name }))));
  try {
    await provision({ adminUrl: server.adminUrl, database: server.name, modules: ['mod-a'], secret: 'a'.repeat(64) });
    // Each run that was queued is told apart by its time.
    await server.sql(`create table runs (time timestamptz); create function note() returns trigger language plpgsql as $$ begin insert into runs values (new.run_at); return new; end $$;
      create trigger note after insert or update of run_at on graphile_worker._private_jobs for each row execute function note()`);
    const schedules = [scheduleOf('mod-a/tick', '30 2 * * *', 'Europe/Berlin')];
    const minutes = (from: string, count: number) => Array.from({ length: count }, (_, at) => new Date(Date.parse(from) + at * 60_000));
    for (const [from, count] of [['2026-03-29T00:50Z', 30], ['2026-03-29T01:20Z', 30], ['2026-03-30T00:00Z', 60], ['2026-04-01T00:00Z', 3000]] as const) {
      await Promise.all(pools.map((pool) => queueDue(pool as never, schedules, minutes(from, count))));
    }
    const runs = await server.sql<{ time: Date }>('select time from runs order by time');
    assert.deepEqual(runs.map(({ time }) => time.toISOString()), ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z', '2026-04-03T00:30:00.000Z']);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
    await server.drop();
  }
});
