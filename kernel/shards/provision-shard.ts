import pg from 'pg';
import { connectionConfig, withClient } from '../data/connection.ts';
import { surviveLoss } from '../data/pool.ts';
import { provision } from '../data/provision.ts';
import { StartError } from '../module/start-error.ts';
import { OwnedSlots, readOwnedSlots } from './owned-slots.ts';
import { assignSlots, prepareShardMap, type Place } from './shard-map.ts';

export interface ShardOptions extends Place {
  /** The deployment's own database, where it is decided who owns which slots at first. */
  main: Place;
  /** The process of the placement whose shard it is. */
  process: string;
  shard: { index: number; count: number };
  modules: readonly string[];
  secret: string;
}

/**
 * Makes a shard's database, where it is missing, and gives it its first slots: once, whichever shard starts first, and none
 * to a shard that is added later. Gives what it owns; `close` it at the end.
 */
export async function provisionShard({ main, process, shard, ...place }: ShardOptions): Promise<OwnedSlots> {
  await Promise.all([prepareShardMap(main, place.secret), provision({ ...place, sharded: true })]);
  const assigned = await withClient(connectionConfig(main.adminUrl, { database: main.database }), (client) => assignSlots(client, process, shard));
  const config = connectionConfig(place.adminUrl, { database: place.database });
  await withClient(config, (client) => takeFirstSlots(client, { process, index: shard.index, slots: assigned }));
  const pool = surviveLoss(new pg.Pool({ ...config, max: 1, allowExitOnIdle: true }));
  const owned = new OwnedSlots(() => readOwnedSlots(pool), undefined, () => pool.end());
  await owned.refresh();
  return owned;
}

interface FirstSlots {
  process: string;
  index: number;
  slots: readonly number[];
}

/** Takes the slots if this database was never given any. Throws a `StartError` if it is another shard's. */
async function takeFirstSlots(client: pg.Client, { process, index, slots }: FirstSlots): Promise<void> {
  await client.query(`
    with first as (insert into mainstay.shard (process, index) values ($1, $2) on conflict do nothing returning index)
    insert into mainstay.slots (slot) select slot from unnest($3::smallint[]) as given (slot), first`, [process, index, slots]);
  const { rows: [found] } = await client.query<Omit<FirstSlots, 'slots'>>('select process, index from mainstay.shard');
  if (found!.process === process && found!.index === index) return;
  throw new StartError([`the database of shard ${index} of ${process} is that of shard ${found!.index} of ${found!.process}: let the placement name another database, or rename it back`]);
}
