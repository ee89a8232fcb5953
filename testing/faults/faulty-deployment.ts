import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@mainstay/deploy/testing';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { until } from '@mainstay/kernel/testing';
import { signIn } from '../sign-in.ts';

const program = new URL('./faulty-process.ts', import.meta.url);

export interface FaultyOptions {
  /** Where PostgreSQL keeps its data; a temporary folder if absent. */
  postgresFolder?: string;
  /** Environment variables of the process. */
  environment?: NodeJS.ProcessEnv;
  /** Lines of the deployment file, beside its name, phase, port and modules. */
  sections?: string;
}

/** A REST call: of a command if it has a body, which is sent as JSON. */
export interface FaultyRequest {
  /** An access token. */
  token: string;
  body?: object;
  /** The idempotency key of the command. */
  key?: string;
  /** When the caller gives up; never if absent. */
  withinMilliseconds?: number;
}

/** A real process on a PostgreSQL of its own, each started again as soon as it ends: to be killed at any moment. */
export class FaultyDeployment {
  readonly address: string;
  readonly #folder: string;
  readonly #postgresFolder: string;
  readonly #file: string;
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #postgres = 0;
  #stopping = false;
  #adminUrl: string | undefined;
  #failure = 'no start failed';
  #keeping: Promise<unknown> = Promise.resolve();
  /** How often the process was started. */
  starts = 0;

  private constructor(port: number, { postgresFolder, environment, sections = '' }: FaultyOptions) {
    this.address = `http://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'mf-'));
    this.#postgresFolder = postgresFolder ?? join(this.#folder, 'pg');
    this.#file = join(this.#folder, 'faulty.yaml');
    writeFileSync(this.#file, `name: faulty\nphase: T\nhttp: { host: 127.0.0.1, port: ${port} }\n${sections}\nmodules:\n  sys-core:\n  sys-accounts:\n    passwordMemoryMib: 1\n  sys-email:\n  mod-promist:\n  mod-witness:\n`);
    this.#environment = { ...process.env, MAINSTAY_SECRET: randomBytes(32).toString('hex'), MAINSTAY_DATA_FOLDER: join(this.#folder, 'files'), MAINSTAY_LOG_LEVEL: 'fatal', ...environment };
  }

  static async start(options: FaultyOptions = {}): Promise<FaultyDeployment> {
    const deployment = new FaultyDeployment(await freePort(), options);
    await deployment.#startPostgres();
    deployment.#keeping = Promise.all([deployment.#keepPostgres(), deployment.#keepProcess()]);
    try {
      await deployment.serves();
      return deployment;
    } catch (error) {
      await deployment.stop();
      throw error;
    }
  }

  /** It is over: nobody need try any more. */
  get stopped(): boolean {
    return this.#stopping;
  }

  /** Where an administrator of its database connects. */
  get adminUrl(): string {
    return this.#adminUrl!;
  }

  get postgresId(): number {
    return this.#postgres;
  }

  killProcess(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Shifts the wall clock of the process against the real one. */
  jumpClock(milliseconds: number): void {
    this.#process?.send({ jump: milliseconds });
  }

  killPostgres(): void {
    if (runs(this.#postgres)) process.kill(this.#postgres, 'SIGKILL');
  }

  /** Waits until a request that needs everything is answered, at most a minute. */
  async serves(): Promise<void> {
    let problem: Error | undefined;
    const answers = () => this.token().then(() => true, (error: Error) => { problem = error; });
    await until(answers, () => `it serves again, after ${this.starts} starts: ${problem?.message}; ${this.#failure}`);
  }

  /** An access token of a demo account. */
  token(email = 'ada@acme.test'): Promise<string> {
    return signIn(this.address, email, AbortSignal.timeout(5000));
  }

  fetch(path: string, { token, body, key, withinMilliseconds }: FaultyRequest): Promise<Response> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...(key && { 'idempotency-key': key }) };
    return fetch(this.address + path, { method: body ? 'POST' : 'GET', headers, ...(body && { body: JSON.stringify(body) }), ...(withinMilliseconds && { signal: AbortSignal.timeout(withinMilliseconds) }) });
  }

  /** Rows, asked for as the server's administrator. */
  sql<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
    return withClient(connectionConfig(this.#adminUrl!), async (client) => (await client.query<R>(text, values)).rows);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#process?.kill('SIGKILL');
    await this.#keeping;
    await stopEmbeddedPostgres(this.#postgresFolder);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startPostgres(): Promise<void> {
    const server = await startEmbeddedPostgres({ directory: this.#postgresFolder, diesWithParent: true, reserve: true });
    this.#postgres = server.pid;
    this.#adminUrl = server.adminUrl('faulty');
  }

  async #keepPostgres(): Promise<void> {
    for (; !this.#stopping; await sleep(20)) if (!runs(this.#postgres)) await this.#startPostgres().catch(() => {});
  }

  async #keepProcess(): Promise<void> {
    for (; !this.#stopping; await sleep(20)) {
      this.starts++;
      const child = (this.#process = fork(program, [this.#file], { env: this.#environment, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] }));
      child.on('message', (report: { type: string; message?: string }) => {
        if (report.message) this.#failure = report.message;
        if (report.type === 'checked' && child.connected) child.send({ databaseUrl: this.#adminUrl });
      });
      await once(child, 'exit');
    }
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
