import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely } from 'kysely';
import type pg from 'pg';
import { CollectedEffects, type Declared } from '../events/effects.ts';
import { currentCallIfAny, type Call } from '../guard/call.ts';
import { connectionConfig, type AdminUrl } from './connection.ts';
import type { Database, Transaction } from './database.ts';
import { createReader, createWriter } from './driver.ts';
import { rolesOf } from './names.ts';
import { ALL_ORGS_POOL_SIZE, createPool } from './pool.ts';
import { passwordOf } from './provision.ts';
import { repeatedly } from './repeat.ts';
import type { Scope } from './tenant-connection.ts';

export interface DatabaseOptions {
  /** Where the server is; the module logs in with its own role. */
  adminUrl: AdminUrl;
  database: string;
  module: string;
  secret: string;
  /** Most connections at once; see `poolSize`. */
  poolSize?: number;
  /** The events and jobs that the module may cause; anything if absent. */
  declared?: Declared;
}

/** A module's database, and the end of its connections. */
export interface ModuleDatabase<T> extends Database<T> {
  close(): Promise<void>;
}

/** One login of a module: of the current org, or of all. */
interface Access {
  pool: pg.Pool;
  reader: Kysely<any>;
  writer: Kysely<any>;
}

/** A transaction under way. What its own call does through the database joins it. */
interface Ambient<T> {
  call: Call | undefined;
  transaction: Transaction<T>;
  open: boolean;
}

/** Opens a module's tables. Connections are made at first use. */
export function createDatabase<T>(options: DatabaseOptions): ModuleDatabase<T> {
  const ambient = new AsyncLocalStorage<Ambient<T>>();
  const accesses = new Map<boolean, Access>();
  const access = (): Access => {
    const allOrgs = currentCallIfAny()?.acrossOrgs === true;
    return accesses.get(allOrgs) ?? remember(accesses, allOrgs, open(options, allOrgs));
  };
  // A call to another service has its own call, even in this process: it must not end up in its caller's transaction.
  const joined = (): Transaction<T> | undefined => {
    const running = ambient.getStore();
    return running?.open && running.call === currentCallIfAny() ? running.transaction : undefined;
  };
  const begin = <R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R> =>
    access().writer.transaction().execute(async (kysely) => {
      const effects = new CollectedEffects(options.module, kysely, options.declared);
      const transaction = Object.assign(kysely, effects.methods) as unknown as Transaction<T>;
      const running: Ambient<T> = { call: currentCallIfAny(), transaction, open: true };
      try {
        const result = await ambient.run(running, () => work(transaction));
        await effects.flush();
        return result;
      } finally {
        running.open = false;
      }
    });
  return {
    read: (work) => work(joined() ?? access().reader),
    write: (work) => {
      const transaction = joined();
      return transaction ? work(transaction) : repeatedly(() => begin(work));
    },
    close: async () => {
      await Promise.all([...accesses.values()].map(({ pool }) => pool.end()));
    },
  };
}

function open({ adminUrl, database, module, secret, poolSize = 8 }: DatabaseOptions, allOrgs: boolean): Access {
  const roles = rolesOf(database, module);
  const user = allOrgs ? roles.allOrgs : roles.login;
  const pool = createPool(connectionConfig(adminUrl, { database, user, password: passwordOf(secret, user) }), allOrgs ? ALL_ORGS_POOL_SIZE : poolSize);
  return { pool, reader: createReader(pool, currentScope), writer: createWriter(pool, currentScope) };
}

function currentScope(): Scope {
  const call = currentCallIfAny();
  const principal = call?.principal;
  return { orgId: principal && principal.kind !== 'anonymous' ? principal.orgId : undefined, signal: call?.signal };
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}
