import { setTimeout as sleep } from 'node:timers/promises';
import { connectionConfig, formatSlots, holdMoves, identifier, SLOTS, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import { textSettings } from './copy-table.ts';

/** A database of a deployment, with a connection of its administrator. */
export interface SourceDatabase {
  /** `''` is the deployment's own. */
  database: string;
  client: pg.Client;
  /** Where it is reached. */
  url: string;
}

const begin = `begin isolation level repeatable read, read only; ${textSettings}`;
const waitMilliseconds = 300;
const mostTries = 100;

/**
 * Begins a transaction in each database that sees it unchanging. Of several they see one moment: every command, handler and
 * saga's step writes what it did into a table of its module, and these tables are held until all snapshots are taken, which
 * is a few milliseconds after those that write have ended. Throws an `OperatorError` while slots move from shard to shard.
 */
export async function beginSnapshots(databases: readonly SourceDatabase[]): Promise<void> {
  if (databases.length === 1) return void (await databases[0]!.client.query(begin));
  await holdingCommands(databases, async () => {
    await Promise.all(databases.map(({ client }) => client.query(begin)));
    // A transaction sees what is committed when its first statement begins.
    await Promise.all(databases.map(({ client }) => client.query('select pg_current_snapshot()')));
  });
  await requireOwners(databases);
}

async function holdingCommands(databases: readonly SourceDatabase[], work: () => Promise<void>): Promise<void> {
  const hold = async ([first, ...others]: readonly SourceDatabase[], holders: pg.Client[]): Promise<void> => {
    if (first) return withClient(connectionConfig(first.url), (client) => hold(others, [...holders, client]));
    await takeLocks(holders, await Promise.all(databases.map(({ client }) => heldTables(client))));
    await work();
  };
  await hold(databases, []);
}

/** All locks or, where somebody keeps one of them waiting, none for a moment: commands wait for each other across databases, which no database sees. */
async function takeLocks(holders: readonly pg.Client[], tables: readonly string[][]): Promise<void> {
  for (let tries = 0; ; tries++) {
    const results = await Promise.allSettled(holders.map((client, at) => lock(client, tables[at]!)));
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error & { code?: string }] : []));
    if (errors.length === 0) return;
    await Promise.all(holders.map((client) => client.query('rollback')));
    const lasting = errors.find(({ code }) => code !== '55P03' && code !== '40P01');
    if (lasting) throw lasting;
    if (tries === mostTries) throw new OperatorError('some command writes for longer than a backup can wait for it; try again when less is going on', { cause: errors[0] });
    await sleep(50 + 200 * Math.random());
  }
}

async function lock(client: pg.Client, tables: readonly string[]): Promise<void> {
  await client.query(`begin; set local lock_timeout = ${waitMilliseconds}`);
  if (!(await holdMoves(client))) throw new OperatorError('slots are being moved from one shard to another; wait for the end of that, and try again');
  if (tables.length > 0) await client.query(`lock table ${tables.join(', ')} in share mode`);
}

/** Where commands, handlers and sagas of a database write. */
async function heldTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ schema: string; name: string }>(`
    select n.nspname as schema, c.relname as name from mainstay.modules m join pg_namespace n on n.nspname = m.schema join pg_class c on c.relnamespace = n.oid
     where c.relkind = 'r' and c.relname = any (array[m.schema || '_commands', m.schema || '_outbox', m.schema || '_inbox', m.schema || '_sagas']) order by 1, 2`);
  return rows.map(({ schema, name }) => `${identifier(schema)}.${identifier(name)}`);
}

/** Throws an `OperatorError` unless each slot is some shard's: a move that was cut off between two shards ends by itself once the deployment runs. */
export async function requireOwners(databases: readonly Pick<SourceDatabase, 'client'>[]): Promise<void> {
  const owned = new Map<string, number[]>();
  for (const { client } of databases) {
    if (!(await isShard(client))) continue;
    const { rows } = await client.query<{ process: string; slots: number[] }>('select process, array(select slot from mainstay.slots) as slots from mainstay.shard');
    for (const { process, slots } of rows) owned.set(process, [...(owned.get(process) ?? []), ...slots]);
  }
  for (const [process, slots] of owned) {
    const ownerless = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => slots.filter((each) => each === slot).length !== 1);
    if (ownerless.length > 0) throw new OperatorError(`slots ${formatSlots(ownerless)} of ${process} are between two shards, because a move of them was cut off; start the deployment, which ends it, and try again`);
  }
}

/** Whether a database is a shard's. */
export const isShard = async (client: pg.Client): Promise<boolean> => (await client.query<{ is: boolean }>("select to_regclass('mainstay.slots') is not null as is")).rows[0]!.is;
