import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DescMethod } from '@bufbuild/protobuf';
import fc, { type Arbitrary } from 'fast-check';
import { fullName, type FuzzCase } from './any-case.ts';
import type { Tree } from './any-tree.ts';
import { checkAnswer, type Verdict } from './check-answer.ts';
import { checkFrames } from './check-frames.ts';
import { framesOf, type SocketMessage } from './frames-of.ts';
import { FuzzClient, type FuzzAnswer } from './fuzz-client.ts';
import { FuzzSockets, type SocketAnswer } from './fuzz-sockets.ts';
import { deadlineOf, requestOf } from './request-of.ts';
import { Verdicts } from './verdicts.ts';

/** The same cases in every run of the checks; `MAINSTAY_FUZZ=SEED,FACTOR` sends others, and so many times as many. */
const [seed = 1, factor = 1] = (process.env.MAINSTAY_FUZZ ?? '').split(',').filter(Boolean).map(Number);
const atOnce = 128;
const batchOf = 1000;

export interface FuzzTarget {
  address: string;
  methods: readonly DescMethod[];
  /** The header `authorization` of a caller; nothing for one who sends none. */
  authorizationOf: (caller: string) => string | undefined;
  /** The full name of a method that everybody may call without saying anything. */
  probe: string;
  /** Runs after each batch, with what was refused in it. */
  afterBatch?: (refused: FuzzCase[]) => Promise<void>;
}

/** Sends cases by the hundred, and checks each answer. */
export class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #methods: ReadonlyMap<string, DescMethod>;
  readonly #client: FuzzClient;
  readonly #sockets: FuzzSockets;
  /** What became of the cases. */
  readonly verdicts = new Verdicts();
  /** How many cases were answered. */
  answered = 0;

  constructor(target: FuzzTarget) {
    this.#target = target;
    this.#methods = new Map(target.methods.map((method) => [fullName(method), method]));
    this.#client = new FuzzClient(target.address);
    this.#sockets = new FuzzSockets(target.address, target.probe);
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
    const authorization = this.#target.authorizationOf(each.caller);
    const verdict = await (each.wire === 'socket' ? this.#bySocket(method, each, authorization) : this.#byHttp(method, each, authorization));
    this.verdicts.add(each, verdict);
    return verdict === 'refused';
  }

  async #byHttp(method: DescMethod, each: FuzzCase, authorization: string | undefined): Promise<Verdict> {
    const request = requestOf(method, each, authorization);
    let answer: FuzzAnswer | undefined;
    try {
      answer = await (each.wire === 'grpc' ? this.#client.sendByHttp2(request) : this.#client.send(request));
      return checkAnswer(each, answer);
    } catch (error) {
      const shown = answer ? `${answer.status} ${JSON.stringify({ ...answer.headers, ...answer.trailers })} ${answer.body.toString().slice(0, 2000)}` : 'no answer';
      throw new Error(`${(error as Error).message}\nasked: ${request.verb} ${request.path.slice(0, 500)} ${JSON.stringify(each.headers)} ${(request.body ? Buffer.from(request.body) : '').toString('latin1').slice(0, 500)}\nanswered: ${shown}`, { cause: error });
    }
  }

  async #bySocket(method: DescMethod, each: FuzzCase, authorization: string | undefined): Promise<Verdict> {
    let sent: readonly SocketMessage[] = [];
    let answer: SocketAnswer | undefined;
    const write = (id: string) => (sent = framesOf(method, each, id, { ...deadlineOf(method), ...(authorization && { authorization }) }));
    try {
      answer = await this.#sockets.send(write, !each.damage || each.damage.kind === 'split');
      return checkFrames(each, sent, answer);
    } catch (error) {
      throw new Error(`${(error as Error).message}\nsent: ${sent.map(({ parts }) => Buffer.concat(parts).toString('latin1').slice(0, 500)).join('\n')}\nanswered: ${JSON.stringify(answer ?? null).slice(0, 2000)}`, { cause: error });
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

  async close(): Promise<void> {
    this.#sockets.close();
    await this.#client.close();
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
