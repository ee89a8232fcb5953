import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.ts';
import type { Estimate, Question } from './estimate.ts';

/** So long the dictionaries stay in memory when nobody asks: people who register often come together. */
const idleMilliseconds = 30_000;
const waitingAtMost = 200;

interface Asked extends Question {
  resolve: (estimate: Estimate) => void;
  reject: (error: unknown) => void;
}

/**
 * Asks a thread of its own how hard passwords are to guess. The thread, with 40 MB of dictionaries, is there only while somebody
 * asks; and a password that takes long to look at keeps nothing else waiting.
 */
class PasswordEstimates {
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #asked: Asked[] = [];

  /** Throws `TOO_BUSY` when too many wait. */
  of({ password, about }: Question): Promise<Estimate> {
    if (this.#asked.length >= waitingAtMost) throw errors.TOO_BUSY();
    clearTimeout(this.#idle);
    return new Promise((resolve, reject) => {
      this.#asked.push({ password, about, resolve, reject });
      this.#worker ??= this.#start();
      // While somebody waits it keeps the process alive, else not.
      this.#worker.ref();
      this.#worker.postMessage({ password, about } satisfies Question);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./estimate-passwords.ts', import.meta.url));
    // Answers come in the order of the questions.
    worker.on('message', (estimate: Estimate) => {
      this.#asked.shift()!.resolve(estimate);
      if (this.#asked.length === 0) this.#rest(worker);
    });
    worker.on('error', (error: unknown) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('the thread that looks at passwords ended')));
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => {
      this.#worker = undefined;
      void worker.terminate();
    }, idleMilliseconds).unref();
  }

  #fail(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    clearTimeout(this.#idle);
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }
}

/** One for the process, however many services ask. */
export const passwordEstimates = new PasswordEstimates();
