import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaunchedProcess, Ready } from './launch-process.ts';
import { duration } from './steps.ts';

export interface KeeperOptions {
  /** Starts one; `succeeds` tells whether it is to take the place of one that runs. */
  launch: (succeeds: boolean) => LaunchedProcess;
  /** Tells the operator what became of the process. */
  say: (text: string) => void;
  /** Called whenever the process starts, serves, is being started again, or another is about to take its place or has taken it. */
  changed: (change: KeeperChange) => void;
  /** A process that cannot start waits for `restart` instead of trying again: while developing. */
  waitForChange?: boolean;
}

export interface KeeperChange {
  state: 'starting' | 'running' | 'restarting';
  process: LaunchedProcess;
  /** What it said when it began to serve; absent if it said that before. */
  ready?: Ready;
  /** One that is starting to take its place, or is ending because it has given it up. */
  beside?: LaunchedProcess;
}

/** Milliseconds to wait before the next try after so many failures in a row. */
export const backOff = (failures: number): number => Math.min(30_000, 500 * 2 ** (failures - 1));

/** A process that ran this long, in milliseconds, is not failing at its start. */
const settled = 60_000;
/** So many failures in a row of processes that had served are answered at once: clients wait, and it is hardly the same again. */
const AT_ONCE = 3;

/** Keeps one process running: starts it again when it ends, at once if it had served, and ever more slowly while it keeps failing. */
export class ProcessKeeper {
  readonly #options: KeeperOptions;
  readonly #wake = new EventEmitter();
  #current: LaunchedProcess | undefined;
  #state: KeeperChange['state'] = 'starting';
  #started = 0;
  #successor: LaunchedProcess | undefined;
  #stopping = false;
  #restarting = false;
  #kept: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Starts the process; resolves to its address, rejects if it cannot start. From then on it is kept. */
  async start(): Promise<string> {
    const { address } = await this.#launch('starting');
    this.#kept = this.#keep();
    return address;
  }

  /** Ends the process and starts it anew at once. */
  async restart(): Promise<void> {
    this.#restarting = true;
    this.#wake.emit('wake');
    await this.#current?.stop();
  }

  /** Starts another process beside the one that runs, and ends that one as soon as the other serves. If it can not start, this rejects and the first runs on. */
  async replace(): Promise<void> {
    const successor = (this.#successor = this.#options.launch(true));
    try {
      this.#change({ state: this.#state, process: this.#current!, beside: successor });
      const ready = await successor.ready;
      const former = this.#current!;
      if (this.#stopping) return await successor.stop();
      [this.#current, this.#started] = [successor, performance.now()];
      this.#wake.emit('wake');
      this.#change({ state: 'running', process: successor, ready, beside: former });
      await former.giveWay();
    } finally {
      this.#successor = undefined;
      this.#change({ state: this.#state, process: this.#current! });
    }
  }

  /** Ends the process for good. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake.emit('wake');
    await Promise.all([this.#current?.stop(), this.#successor?.stop()]);
    await this.#kept;
  }

  #change(change: KeeperChange): void {
    this.#state = change.state;
    this.#options.changed(change);
  }

  async #launch(state: 'starting' | 'restarting'): Promise<Ready> {
    const process = (this.#current = this.#options.launch(false));
    this.#started = performance.now();
    this.#change({ state, process });
    const ready = await process.ready;
    if (this.#current === process) this.#change({ state: 'running', process, ready });
    return ready;
  }

  async #keep(): Promise<void> {
    for (let failures = 0; ; ) {
      const process = this.#current!;
      let served = false;
      const problem = await process.ready.then(() => (served = true) && process.ended, (error: Error) => error.message);
      if (this.#stopping) return;
      // Where another has taken its place, it ended because it should.
      if (this.#current !== process) continue;
      failures = this.#restarting || performance.now() - this.#started > settled ? 0 : failures + 1;
      if (!(await this.#waits(served && failures <= AT_ONCE ? 0 : backOff(Math.max(failures, 1)), problem))) return;
      if (this.#current !== process) continue;
      this.#restarting = false;
      this.#launch('restarting').then(({ address }) => this.#options.say(`started again in ${duration(performance.now() - this.#started)}: ${address}`), () => {});
    }
  }

  /** Waits until the next try is due; false if there will be none. */
  async #waits(delay: number, problem: string): Promise<boolean> {
    if (!this.#restarting) {
      const { waitForChange, say } = this.#options;
      say(`the process does not run: ${problem}\n${waitForChange ? 'waiting for a change' : `starting it again ${delay === 0 ? 'at once' : `in ${duration(delay)}`}`}`);
      const cancel = new AbortController();
      const woken = once(this.#wake, 'wake', { signal: cancel.signal });
      await Promise.race([woken, waitForChange ? new Promise(() => {}) : sleep(delay, undefined, { signal: cancel.signal })]);
      woken.catch(() => {});
      cancel.abort();
    }
    return !this.#stopping;
  }
}
