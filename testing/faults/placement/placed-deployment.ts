import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestRollingRestart, runDeployment, type RunningDeployment } from '@mainstay/deploy';
import { freePort } from '@mainstay/deploy/testing';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { peerVariable } from '@mainstay/kernel/placement/placement';
import { until } from '@mainstay/kernel/testing';
import { halfOpenProxy, type HalfOpenProxy } from './half-open-proxy.ts';
import type { Found } from './judge-history.ts';

const program = join(import.meta.dirname, 'placed-program.ts');
const quiet = { step: <T>(_: string, work: (say: () => void) => Promise<T>) => work(() => {}), line: () => {} };

export interface PlacedOptions {
  /** A placement of `deploy/placements/`. */
  placement: string;
  /** What one process calls another through, in pairs: who calls, and whom. */
  between?: readonly (readonly [from: string, to: string])[];
  /** The folder for all of its state, which the test removes; a temporary one if absent. */
  home?: string;
}

/** A deployment of several programs that the controller runs and looks after, as `./mainstay up --placement` does, with a module of the test's own that sees events. */
export class PlacedDeployment {
  readonly address: string;
  /** What goes with it. */
  readonly #folder: string | undefined;
  readonly #running: RunningDeployment;
  readonly #proxies: readonly HalfOpenProxy[];

  private constructor(address: string, folder: string | undefined, running: RunningDeployment, proxies: readonly HalfOpenProxy[]) {
    [this.address, this.#folder, this.#running, this.#proxies] = [address, folder, running, proxies];
  }

  static async start({ placement, between = [], home: given }: PlacedOptions): Promise<PlacedDeployment> {
    const home = given ?? mkdtempSync(join(tmpdir(), 'mf-'));
    const port = await freePort();
    const file = join(home, 'placed.yaml');
    writeFileSync(file, `name: placed\nphase: T\nhttp: { host: 127.0.0.1, port: ${port} }\noperators: { port: 0 }\nmodules:\n  sys-core:\n  sys-accounts:\n    passwordMemoryMib: 1\n  sys-email:\n  sys-gateway:\n  mod-promist:\n  mod-witness:\n`);
    // The state folders of this process's controllers.
    process.env.MAINSTAY_HOME = home;
    process.env.MAINSTAY_LOG_LEVEL ??= 'warn';
    delete process.env.DATABASE_URL;
    // The signal that asks a controller for a rolling restart makes a test file write a report about itself.
    process.report.reportOnSignal = false;
    const proxies = await Promise.all(between.map(() => halfOpenProxy()));
    const environment = ({ name }: { name: string }, all: readonly { name: string; peer?: string }[]) => Object.fromEntries(between.flatMap(([from, to], at) => {
      if (from !== name) return [];
      proxies[at]!.target = all.find((one) => one.name === to)!.peer!;
      return [[peerVariable(to), proxies[at]!.address]];
    }));
    const running = await runDeployment({ deployment: file, placement, program, environment }, quiet);
    return new PlacedDeployment(`http://127.0.0.1:${port}`, given === undefined ? home : undefined, running, proxies);
  }

  get instances(): readonly string[] {
    return this.#running.run.instances.map(({ name }) => name);
  }

  /** Sends a signal to a process, and waits until another runs in its place. */
  async strike(instance: string, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
    const struck = this.#instance(instance);
    const { restarts, identity } = struck;
    process.kill(identity!.pid, signal);
    await this.#until(() => struck.restarts > restarts && struck.state === 'running', `another process runs in the place of ${instance}`);
  }

  /** Ends PostgreSQL as a power failure does, and waits until it runs again. */
  async strikePostgres(): Promise<void> {
    const struck = this.#postgresId();
    process.kill(struck, 'SIGKILL');
    await this.#until(() => ![struck, 0].includes(this.#postgresId()), 'PostgreSQL runs again');
  }

  /** Lets nothing pass any more on the connections between those that were named. */
  freeze(): void {
    const frozen = this.#proxies.reduce((sum, { connections }) => sum + connections, 0);
    assert.ok(frozen > 0, 'there are connections between them');
    for (const proxy of this.#proxies) proxy.freeze();
  }

  /** Each process gives its place to a new one, one after the other. */
  restartAll(): Promise<void> {
    return requestRollingRestart(this.#running.folder, [...this.instances], () => {});
  }

  /** Waits until nothing is due any more, and reads what took effect. */
  async settled(): Promise<Found> {
    const databases = await this.#sql<{ datname: string }>('placed', `select datname from pg_database where datname ~ '^placed'`).then((rows) => rows.map(({ datname }) => datname));
    const waiting = `select t.identifier, j.last_error from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id where (j.key is null or j.key not in (select identifier from graphile_worker._private_known_crontabs)) and (j.attempts > 0 or j.run_at < now() + interval '1 minute')`;
    let left: { identifier: string }[] = [];
    const looked = async () => (left = (await Promise.all(databases.map((database) => this.#sql<{ identifier: string }>(database, waiting)))).flat()).length === 0;
    await until(looked, () => `no jobs wait: ${left.length}, ${JSON.stringify(left.slice(0, 5))}\n${this.log()}`);
    const rowsOf = async <R extends object>(table: string, text: string) => (await Promise.all(databases.map(async (database) => ((await this.#sql<{ there: boolean }>(database, `select to_regclass('${table}') is not null as there`))[0]!.there ? this.#sql<R>(database, text) : [])))).flat();
    return {
      rows: await rowsOf<{ id: string; title: string }>('mod_promist.mod_promist_promises', `select id, title from mod_promist.mod_promist_promises where title ~ '^[0-9a-f]{8}-'`),
      sights: (await rowsOf<{ subject: string }>('mod_witness.mod_witness_sights', `select subject from mod_witness.mod_witness_sights`)).map(({ subject }) => subject),
    };
  }

  async stop(): Promise<void> {
    await this.#running.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #instance(name: string) {
    return this.#running.run.instances.find((instance) => instance.name === name)!;
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    await until(holds, () => `${what}\n${this.log()}`);
  }

  /** 0 while there is none. */
  #postgresId(): number {
    try {
      return Number(readFileSync(join(this.#running.folder.postgres, 'data/postmaster.pid'), 'utf8').split('\n', 1)[0]);
    } catch {
      return 0;
    }
  }

  #sql<R extends object>(database: string, text: string): Promise<R[]> {
    const url = `postgresql://mainstay@${encodeURIComponent(join(this.#running.folder.postgres, 'socket'))}/${database}`;
    return withClient(connectionConfig(url), async (client) => (await client.query<R>(text)).rows);
  }

  /** The end of it. */
  log(): string {
    return readFileSync(this.#running.folder.log, 'utf8').slice(-4000);
  }
}
