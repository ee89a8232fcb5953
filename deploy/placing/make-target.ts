import type { Module } from '@mainstay/kernel';
import { connectionConfig, firstShardOf, migrate, provision, SLOTS, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import type { BackedUpModule } from '../backup/backup-format.ts';
import { isShard } from '../backup/begin-snapshots.ts';
import { type DatabaseServer, nameOnServer, urlOf } from '../backup/url-of-database.ts';
import { OperatorError } from '../controller/operator-error.ts';
import type { Target } from './plan-placing.ts';

export interface TargetTables {
  server: DatabaseServer;
  target: Target;
  /** The modules that come, with the migrations that had made their tables where they come from. */
  modules: readonly BackedUpModule[];
  build: readonly Module[];
  secret: string;
}

/** Makes the tables of modules in a database that they come to, and the database where it is absent; a new shard owns its first slots. */
export async function makeTarget({ server, target, modules, build, secret }: TargetTables): Promise<void> {
  const [adminUrl, database] = [urlOf(server, target.database), nameOnServer(server, target.database)];
  await provision({ adminUrl, database, modules: modules.map(({ module }) => module), secret, sharded: target.shard !== undefined });
  await withClient(connectionConfig(adminUrl), async (client) => {
    if ((await isShard(client)) !== (target.shard !== undefined)) throw new OperatorError(`the database ${database} is ${target.shard ? 'not a' : 'a'} shard's, and the placement names it as ${target.shard ? 'one' : 'none'}; let it name another`);
    if (target.shard) await takeFirstSlots(client, target.shard);
  });
  for (const { module, migrations } of modules) {
    const declared = build.find(({ name }) => name === module)!.database;
    if (declared) await migrate({ adminUrl, database, module, migrations: declared.migrations, only: migrations.map(({ name }) => name) });
  }
}

async function takeFirstSlots(client: pg.Client, { process, index, count }: NonNullable<Target['shard']>): Promise<void> {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => firstShardOf(slot, count) === index);
  await client.query(`
    with first as (insert into mainstay.shard (process, index) values ($1, $2) on conflict do nothing returning index)
    insert into mainstay.slots (slot) select slot from unnest($3::smallint[]) as given (slot), first`, [process, index, slots]);
}

/** The slots that a shard owns. */
export const slotsOf = async (client: pg.Client): Promise<number[]> => (await client.query<{ slot: number }>('select slot from mainstay.slots order by slot')).rows.map(({ slot }) => slot);
