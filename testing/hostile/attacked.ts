import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase, type TestDatabase, until } from '@mainstay/kernel/testing';
import { signIn } from '../sign-in.ts';

/** Within this, a call of somebody else is answered, whatever goes on: far longer than it takes, far shorter than a hang. */
const hangMs = 20_000;

/** By how many its open files may have grown after an attack: its pools of database connections fill up under load. */
const mostFilesMore = 40;

/**
 * What is held counts, and not what V8 has not collected yet: with room it puts that off for seconds. A process
 * that holds more than this ends, and its test fails.
 */
const heapLimits = ['--max-semi-space-size=4', '--max-old-space-size=256'];

/** What an attack did to the process. */
export interface Harm {
  /** How many calls of a normal client were answered meanwhile. */
  answered: number;
  /** By how much its memory grew at the highest, in MiB. */
  peakMiB: number;
}

/** A real process under attack: its processor time, memory and connections are read from the system. */
export class Attacked {
  readonly port: number;
  readonly address: string;
  /** An access token of a demo account. */
  readonly token: string;
  readonly #child: ChildProcess;
  readonly #end: () => Promise<void>;

  private constructor(address: string, token: string, child: ChildProcess, end: () => Promise<void>) {
    this.address = address;
    this.port = Number(new URL(address).port);
    this.token = token;
    this.#child = child;
    this.#end = end;
  }

  static async start(http: object = {}): Promise<Attacked> {
    const database: TestDatabase = await testDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'mainstay-attacked-'));
    const child = fork(new URL('./attacked-process.ts', import.meta.url), [database.adminUrl, database.name, randomBytes(32).toString('hex'), folder, JSON.stringify(http)], { execArgv: heapLimits });
    const [address] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => Promise.reject(new Error('it did not start')))])) as [string];
    return new Attacked(address, await signIn(address, 'ada@acme.test'), child, async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  stop = (): Promise<void> => this.#end();

  /** Processor time used since its start, in milliseconds. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    // The system counts in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** Connections to its port that it has not let go of. */
  connections(): number {
    const local = `0100007F:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const sockets = readFileSync(`/proc/${this.#child.pid}/net/tcp`, 'utf8').split('\n').map((line) => line.trim().split(/\s+/));
    // A socket that a process still has open has an inode; 0A is the one that listens.
    return sockets.filter(([, address, , state, , , , , , inode]) => address === local && state !== '0A' && inode !== '0').length;
  }

  /** Files, sockets and pipes that it has open. */
  openFiles = (): number => readdirSync(`/proc/${this.#child.pid}/fd`).length;

  #memoryMiB(what: 'VmRSS' | 'VmHWM'): number {
    return Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))![1]) / 1024;
  }

  /**
   * Attacks it while a normal client goes on calling: each of its calls must be answered well. Afterwards the
   * process runs, and has let go of every connection and file of the attack.
   */
  async during(attack: () => Promise<void>): Promise<Harm> {
    await this.call();
    // The system forgets the highest memory use so far (proc(5)).
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5');
    const before = this.#memoryMiB('VmRSS');
    const files = this.openFiles();
    const over = new AbortController();
    const normal = this.#callUntil(over.signal);
    await Promise.race([attack(), normal]).finally(() => over.abort());
    const answered = await normal;
    await this.#letsGo(files + mostFilesMore);
    assert.equal(this.#child.exitCode, null, 'the process has ended');
    return { answered, peakMiB: this.#memoryMiB('VmHWM') - before };
  }

  /** The processor time that it uses in a second in which nothing is sent, in milliseconds. */
  async restlessness(): Promise<number> {
    const before = this.cpuMs();
    await sleep(1000);
    return this.cpuMs() - before;
  }

  /** A call as anyone makes it. */
  async call(): Promise<void> {
    const response = await fetch(`${this.address}/v1/promises?page_size=5`, { headers: { authorization: `Bearer ${this.token}` }, signal: AbortSignal.timeout(hangMs) });
    assert.equal(response.status, 200, await response.text());
  }

  async #callUntil(over: AbortSignal): Promise<number> {
    let answered = 0;
    while (!over.aborted) {
      await this.call();
      answered++;
      await sleep(10);
    }
    await this.call();
    return answered + 1;
  }

  /** Waits until nothing is connected but the normal client, and no more than `mostFiles` are open. */
  async #letsGo(mostFiles: number): Promise<void> {
    const isNormal = () => this.connections() <= 5 && this.openFiles() <= mostFiles;
    await until(isNormal, () => `${this.connections()} connections and ${this.openFiles()} files are closed`);
  }
}
