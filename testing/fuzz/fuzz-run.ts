import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DescMethod } from '@bufbuild/protobuf';
import fc, { type Arbitrary } from 'fast-check';
import { fullName, type FuzzCase } from './any-case.ts';
import type { Tree } from './any-tree.ts';
import { checkAnswer } from './check-answer.ts';
import { FuzzClient, type FuzzAnswer } from './fuzz-client.ts';
import { requestOf } from './request-of.ts';

/** The same cases in every run of the checks; `MAINSTAY_FUZZ=SEED,FACTOR` sends others, and so many times as many. */
const [seed = 1, factor = 1] = (process.env.MAINSTAY_FUZZ ?? '').split(',').filter(Boolean).map(Number);
const atOnce = 128;
const batchOf = 1000;

export interface FuzzTarget {
  address: string;
  methods: readonly DescMethod[];
  /** The header `authorization` of a caller; nothing for one who sends none. */
  authorizationOf: (caller: string) => string | undefined;
  /** Runs after each batch, with what was refused in it. */
  afterBatch?: (refused: FuzzCase[]) => Promise<void>;
}

/** Sends cases by the hundred, and checks each answer. */
export class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #methods: ReadonlyMap<string, DescMethod>;
  readonly #client: FuzzClient;
  readonly #outcomes = new Map<string, number>();
  /** How many cases were answered. */
  answered = 0;

  constructor(target: FuzzTarget) {
    this.#target = target;
    this.#methods = new Map(target.methods.map((method) => [fullName(method), method]));
    this.#client = new FuzzClient(target.address);
  }

  /** Sends at least so many cases. Fails with the seed, and the smallest case that shows what is wrong. */
  async send(cases: Arbitrary<FuzzCase>, atLeast: number): Promise<void> {
    const batches = fc.noBias(fc.array(cases, { minLength: 1, maxLength: batchOf, size: 'max' }));
    const numRuns = 3 + Math.ceil((atLeast * factor * 2.1) / batchOf);
    let early: number | undefined;
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        await this.sendBatch(batch);
        if (this.answered > (atLeast * factor) / 5) early ??= inUse();
      }),
      // A batch is not shrunk, but the one case in it that went wrong.
      { seed, numRuns, endOnFailure: true, asyncReporter: async ({ failed, errorInstance }) => {
        if (failed) throw new Error(`seed ${seed}: ${(errorInstance as Error).message}`, { cause: errorInstance });
      } },
    );
    assert.ok(this.answered >= atLeast * factor, `only ${this.answered} cases`);
    const grown = inUse() - early!;
    // What is cached has a bound; what is kept for each request would show as more than this.
    assert.ok(grown < 8 * 1024 * 1024 + this.answered * 300, `${grown} bytes more in use after four fifths of ${this.answered} cases`);
  }

  async sendBatch(batch: FuzzCase[]): Promise<void> {
    const refused = await this.refusedOf(batch);
    this.answered += batch.length;
    await this.#target.afterBatch?.(refused);
  }

  /** Sends cases, many at a time; gives those that were refused. */
  async refusedOf(cases: readonly FuzzCase[]): Promise<FuzzCase[]> {
    const refused: FuzzCase[] = [];
    let next = 0;
    const worker = async () => {
      while (next < cases.length) {
        const each = cases[next++]!;
        if (await this.isRefused(each).catch((error: Error) => this.#failSmaller(each, error))) refused.push(each);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return refused;
  }

  /** Sends one case and checks its answer. */
  async isRefused(each: FuzzCase): Promise<boolean> {
    const method = this.#methods.get(each.method)!;
    const request = requestOf(method, each, this.#target.authorizationOf(each.caller));
    let answer: FuzzAnswer | undefined;
    try {
      answer = await (each.wire === 'grpc' ? this.#client.sendByHttp2(request) : this.#client.send(request));
      const refused = checkAnswer(each, answer);
      const outcome = `${each.wire} ${refused ? 'refused' : 'accepted'}`;
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
      return refused;
    } catch (error) {
      const shown = answer ? `${answer.status} ${JSON.stringify({ ...answer.headers, ...answer.trailers })} ${answer.body.toString().slice(0, 2000)}` : 'no answer';
      throw new Error(`${(error as Error).message}\nasked: ${request.verb} ${request.path.slice(0, 500)} ${JSON.stringify(each.headers)} ${(request.body ? Buffer.from(request.body) : '').toString('latin1').slice(0, 500)}\nanswered: ${shown}`, { cause: error });
    }
  }

  /** Leaves out of a case what it fails without, and throws what remains. */
  async #failSmaller(each: FuzzCase, error: Error): Promise<never> {
    for (const smaller of smallerCases(each)) {
      const same = await this.isRefused(smaller).then(() => undefined, (found: Error) => found);
      if (same) return this.#failSmaller(smaller, same);
    }
    throw new Error(`${JSON.stringify(each).slice(0, 2000)}: ${error.message}`, { cause: error });
  }

  /** How many cases of each wire were accepted and refused. */
  get outcomes(): Record<string, number> {
    return Object.fromEntries([...this.#outcomes].sort());
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** The case with one thing less. */
function* smallerCases({ damage, ...plain }: FuzzCase): Generator<FuzzCase> {
  if (damage) yield plain;
  const harm = damage && { damage };
  for (const name of Object.keys(plain.headers)) yield { ...plain, ...harm, headers: without(plain.headers, name) };
  for (const tree of smallerTrees(plain.tree)) yield { ...plain, ...harm, tree };
}

function* smallerTrees(tree: Tree): Generator<Tree> {
  for (const [name, value] of Object.entries(tree)) {
    yield without(tree, name);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) for (const inner of smallerTrees(value as Tree)) yield { ...tree, [name]: inner };
  }
}

const without = <T>(all: Record<string, T>, name: string): Record<string, T> => Object.fromEntries(Object.entries(all).filter(([other]) => other !== name));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that live on the heap and beside it, when nothing more can be freed. */
function inUse(): number {
  for (let again = 0; again < 3; again++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
