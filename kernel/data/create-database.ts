import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely } from 'kysely';
import type pg from 'pg';
import { CommandScope } from '../commands/command-scope.ts';
import type { Declared } from '../events/effects.ts';
import { currentCallIfAny, type Call } from '../guard/call.ts';
import type { WatchedPool } from '../telemetry/pool-metrics.ts';
import type { Span } from '../telemetry/span.ts';
import { QueryCache } from '../queries/query-cache.ts';
import { connectionConfig, type AdminUrl } from './connection.ts';
import type { Database, Transaction } from './database.ts';
import { createReader } from './driver.ts';
import { rolesOf } from './names.ts';
import { OpenTransaction, type TransactionOptions } from './open-transaction.ts';
import { Pipelines } from './pipelines.ts';
import { ALL_ORGS_POOL_SIZE, APART_POOL_SIZE, clientSettings, createPool, streamsPoolSize } from './pool.ts';
import { orgKeyOf, passwordOf } from './provision.ts';
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
  /** The database is a shard's, in which orgs are only as long as their slots. */
  sharded?: boolean;
  /** Other processes change the same rows. */
  replicated?: boolean;
  /** Told when work for the queue was committed. */
  queued?: () => void;
}

/** A module's database, as the kernel uses it. */
export interface ModuleDatabase<T> extends Database<T> {
  readonly module: string;
  /** Begins the transaction of a command of `call`. One that `streams` may last, and has connections that others do not wait for. */
  beginCommand(call: Call, streams?: boolean): CommandScope<T>;
  /** Writes in a transaction that sees every org. */
  writeAcrossOrgs<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R>;
  /** The pools that were opened so far. */
  pools(): { purpose: string; pool: WatchedPool }[];
  close(): Promise<void>;
}

/** A transaction under way. What its own call does through the database joins it. */
interface Ambient<T> {
  call: Call | undefined;
  transaction: Transaction<T>;
  open: boolean;
}

/** Opens a module's tables. Connections are made at first use. */
export function createDatabase<T>(options: DatabaseOptions): ModuleDatabase<T> {
  return new PooledDatabase<T>(options);
}

class PooledDatabase<T> implements ModuleDatabase<T> {
  readonly module: string;
  readonly #options: DatabaseOptions;
  readonly #ambient = new AsyncLocalStorage<Ambient<T>>();
  readonly #pools = new Map<string, pg.Pool>();
  readonly #readers = new Map<pg.Pool, Kysely<T>>();

  readonly #reads: Pipelines;
  readonly #writes: Pipelines;
  readonly #cache = new QueryCache();
  readonly #transactions: TransactionOptions;
  readonly #sizes: Record<Purpose, number>;

  constructor(options: DatabaseOptions) {
    this.module = options.module;
    this.#options = options;
    this.#sizes = sizesOf(options.poolSize ?? 8);
    // A read that takes long must not hold up what is written.
    [this.#reads, this.#writes] = [this.#makePipelines(), this.#makePipelines()];
    this.#transactions = { module: options.module, declared: options.declared, ended: (changed) => this.#cache.drop(changed), queued: options.queued };
  }

  readonly read: Database<T>['read'] = (work) => {
    const call = currentCallIfAny();
    return work(this.#joined(call) ?? this.#scopeOf(call)?.joined ?? this.#reader(this.#poolOf(call)));
  };

  readonly readCached: Database<T>['readCached'] = (query, work) => {
    const call = currentCallIfAny();
    // What a transaction has written and not committed is nobody else's. What moved away and back was changed elsewhere.
    if (this.#options.sharded || this.#options.replicated || this.#joined(call) || this.#scopeOf(call)?.joined || call?.acrossOrgs) return this.read(work);
    return this.#cache.get(scopeOf(call).orgId, query, () => this.read(work));
  };

  readonly write: Database<T>['write'] = (work) => {
    const call = currentCallIfAny();
    const joined = this.#joined(call);
    if (joined) return work(joined);
    return this.#scopeOf(call)?.write(work) ?? this.#inOwn(call, work, () => this.#begin(this.#poolOf(call), call));
  };

  readonly writeApart: Database<T>['writeApart'] = (work) => {
    const call = currentCallIfAny();
    return this.#inOwn(call, work, () => this.#begin(call?.command ? this.#apartOf(call) : this.#poolOf(call), call));
  };

  writeAcrossOrgs<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R> {
    const call = currentCallIfAny();
    return this.#inOwn(call, work, () => this.#begin(this.#pool('all orgs'), call));
  }

  beginCommand(call: Call, streams = false): CommandScope<T> {
    const pool = streams && !call.acrossOrgs ? this.#pool('streams') : this.#poolOf(call);
    const pipelines = call.acrossOrgs ? undefined : this.#writes;
    return new CommandScope<T>(this, () => new OpenTransaction<T>({ pool, pipelines }, scopeOf(call), this.#transactionsOf(call)));
  }

  pools(): { purpose: string; pool: WatchedPool }[] {
    return [...this.#pools, ['pipelined reads', this.#reads] as const, ['pipelined writes', this.#writes] as const].map(([purpose, pool]) => ({ purpose, pool }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#reads.end(), this.#writes.end(), ...[...this.#pools.values()].map((pool) => pool.end())]);
  }

  // A call to another service has its own call, even in this process: it must not end up in its caller's transaction.
  #joined(call: Call | undefined): Transaction<T> | undefined {
    const running = this.#ambient.getStore();
    return running?.open && running.call === call ? running.transaction : undefined;
  }

  #scopeOf(call: Call | undefined): CommandScope<T> | undefined {
    const scope = call?.command;
    return scope?.isOpen && scope.database === this ? (scope as CommandScope<T>) : undefined;
  }

  #inOwn<R>(call: Call | undefined, work: (tx: Transaction<T>) => Promise<R>, begin: () => OpenTransaction<T>): Promise<R> {
    return repeatedly(async () => {
      const open = begin();
      const running: Ambient<T> = { call, transaction: open.tx, open: true };
      const result = await this.#ambient.run(running, () => work(open.tx)).catch(async (error: unknown) => {
        running.open = false;
        await open.rollback();
        throw error;
      });
      running.open = false;
      await open.commit();
      return result;
    });
  }

  #begin(pool: pg.Pool, call: Call | undefined): OpenTransaction<T> {
    return new OpenTransaction<T>({ pool }, scopeOf(call), this.#transactionsOf(call));
  }

  #transactionsOf(call: Call | undefined): TransactionOptions {
    const told = call?.changed;
    if (!told) return this.#transactions;
    const ended = (changed: Iterable<string>) => {
      this.#cache.drop(changed);
      for (const id of changed) told.add(id);
    };
    return { ...this.#transactions, ended };
  }

  #poolOf(call: Call | undefined): pg.Pool {
    return call?.within === true ? this.#apartOf(call) : this.#pool(call?.acrossOrgs === true ? 'all orgs' : 'own org');
  }

  /** Connections that nobody waits for who has another of them: work that holds one and waits for a second could wait for ever. */
  #apartOf({ acrossOrgs }: Call): pg.Pool {
    return this.#pool(acrossOrgs ? 'apart, all orgs' : 'apart');
  }

  #pool(purpose: Purpose): pg.Pool {
    let pool = this.#pools.get(purpose);
    if (!pool) {
      pool = createPool(this.#settings(!purpose.endsWith('all orgs')), this.#sizes[purpose], orgKeyOf(this.#options.secret));
      this.#pools.set(purpose, pool);
    }
    return pool;
  }

  #reader(pool: pg.Pool): Kysely<T> {
    let reader = this.#readers.get(pool);
    if (!reader) this.#readers.set(pool, (reader = createReader(pool, () => scopeOf(currentCallIfAny()), pool === this.#pools.get('own org') || pool === this.#pools.get('apart') ? this.#reads : undefined)));
    return reader;
  }

  #makePipelines(): Pipelines {
    return new Pipelines({ settings: this.#settings(true), orgKey: orgKeyOf(this.#options.secret), sharded: this.#options.sharded });
  }

  #settings(ofOneOrg: boolean): pg.ClientConfig {
    const { adminUrl, database, module, secret } = this.#options;
    const { login, allOrgs } = rolesOf(database, module);
    const user = ofOneOrg ? login : allOrgs;
    return clientSettings(connectionConfig(adminUrl, { database, user, password: passwordOf(secret, user) }), ofOneOrg);
  }
}

type Purpose = 'own org' | 'streams' | 'apart' | 'all orgs' | 'apart, all orgs';

/** The most connections that are open at once. */
const sizesOf = (own: number): Record<Purpose, number> => ({ 'own org': own, streams: streamsPoolSize(own), apart: APART_POOL_SIZE, 'all orgs': ALL_ORGS_POOL_SIZE, 'apart, all orgs': APART_POOL_SIZE });

/**
 * What a transaction is about, of a call. A class, since an object literal with a getter gets a hidden class of its own
 * each time: that lies in the old generation, and keeps everything of its call alive until a major collection.
 */
class ScopeOfCall implements Scope {
  readonly orgId: string | undefined;
  readonly span: Span | undefined;
  readonly #call: Call | undefined;

  constructor(call: Call | undefined) {
    const principal = call?.principal;
    this.orgId = principal && principal.kind !== 'anonymous' ? principal.orgId : undefined;
    this.span = call?.span;
    this.#call = call;
  }

  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }
}

const scopeOf = (call: Call | undefined): Scope => new ScopeOfCall(call);
