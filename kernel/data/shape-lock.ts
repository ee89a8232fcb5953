import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

const SHAPE_LOCK = 0x6d61696e;

/**
 * Takes the one lock for everything that changes the shape of a database, so that processes may start at once; the end
 * of the connection lets go of it. It asks again and again: a session that waits inside PostgreSQL holds a snapshot,
 * and an index that is built concurrently would wait for that one in turn.
 */
export async function lockShape(client: pg.Client): Promise<void> {
  for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [SHAPE_LOCK]);
    if (rows[0]!.locked) return;
    await sleep(pause);
  }
}
