import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaunchedProcess, Ready } from './launch-process.ts';
import { duration } from './steps.ts';

export interface KeeperOptions {
  launch: () => LaunchedProcess;
  /** Tells the operator what became of the process. */
  say: (text: string) => void;
  /** Called whenever the process starts, serves or is being started again. */
  changed: (state: 'starting' | 'running' | 'restarting', process: LaunchedProcess, ready?: Ready) => void;
  /** A process that cannot start waits for `restart` instead of trying again: while developing. */
  waitForChange?: boolean;
}

/** Milliseconds to wait before the next try after so many failures in a row. */
export const backOff = (failures: number): number => Math.min(30_000, 500 * 2 ** (failures - 1));

/** A process that ran this long, in milliseconds, is not failing at its start. */
const settled = 60_000;

/** Keeps one process running: starts it again when it ends, ever more slowly while it keeps failing. */
export class ProcessKeeper {
  readonly #options: KeeperOptions;
  readonly #wake = new EventEmitter();
  #current: LaunchedProcess | undefined;
  #stopping = false;
  #restarting = false;
  #kept: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Starts the process; resolves to its address, rejects if it cannot start. From then on it is kept. */
  async start(): Promise<string> {
    const { address } = await this.#launch('starting');
    this.#kept = this.#keep(this.#current!, performance.now());
    return address;
  }

  /** Ends the process and starts it anew at once. */
  async restart(): Promise<void> {
    this.#restarting = true;
    this.#wake.emit('wake');
    await this.#current?.stop();
  }

  /** Ends the process for good. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake.emit('wake');
    await this.#current?.stop();
    await this.#kept;
  }

  async #launch(state: 'starting' | 'restarting'): Promise<Ready> {
    this.#current = this.#options.launch();
    this.#options.changed(state, this.#current);
    const ready = await this.#current.ready;
    this.#options.changed('running', this.#current, ready);
    return ready;
  }

  async #keep(first: LaunchedProcess, firstStart: number): Promise<void> {
    let [problem, started] = [await first.ended, firstStart];
    for (let failures = 0; !this.#stopping; ) {
      failures = this.#restarting || performance.now() - started > settled ? 0 : failures + 1;
      if (!(await this.#waits(failures, problem))) return;
      this.#restarting = false;
      started = performance.now();
      problem = await this.#launch('restarting').then(async ({ address }) => {
        this.#options.say(`started again in ${duration(performance.now() - started)}: ${address}`);
        return this.#current!.ended;
      }, (error: Error) => error.message);
    }
  }

  /** Waits until the next try is due; false if there will be none. */
  async #waits(failures: number, problem: string): Promise<boolean> {
    if (!this.#restarting) {
      const delay = backOff(Math.max(failures, 1));
      const { waitForChange, say } = this.#options;
      say(`the process does not run: ${problem}\n${waitForChange ? 'waiting for a change' : `starting it again in ${duration(delay)}`}`);
      const cancel = new AbortController();
      const woken = once(this.#wake, 'wake', { signal: cancel.signal });
      await Promise.race([woken, waitForChange ? new Promise(() => {}) : sleep(delay, undefined, { signal: cancel.signal })]);
      woken.catch(() => {});
      cancel.abort();
    }
    return !this.#stopping;
  }
}
