import assert from 'node:assert/strict';
import { getOption, type DescMethod } from '@bufbuild/protobuf';
import { access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { fullName, type FuzzCase } from './any-case.ts';
import type { Verdict } from './check-answer.ts';

type Counts = Record<Verdict, number>;

/** Counts what became of requests, by wire and by method. */
export class Verdicts {
  readonly #counts = new Map<string, Counts>();

  add({ wire, method }: FuzzCase, verdict: Verdict): void {
    for (const key of [wire, method]) {
      const counts = this.#counts.get(key) ?? { accepted: 0, refused: 0, unknown: 0 };
      counts[verdict]++;
      this.#counts.set(key, counts);
    }
  }

  /** One line for each wire and method: how often it was accepted, refused, and given up by the caller. */
  get lines(): string[] {
    return [...this.#counts].sort().map(([name, { accepted, refused, unknown }]) => `${name}: ${accepted} accepted, ${refused} refused, ${unknown} given up`);
  }

  /**
   * Fails unless every method was accepted and refused, each `atLeast` so many times. What is internal must never be
   * accepted where a guard stands before it; a method that is `endless` is one whose callers always give up, and
   * one that is `impossible` can not be done in the deployment that was asked.
   */
  checkMethods(methods: readonly DescMethod[], { atLeast, guarded, endless = [], impossible = [] }: { atLeast: number; guarded: boolean; endless?: readonly string[]; impossible?: readonly string[] }): void {
    const problems = methods.flatMap((method) => {
      const { accepted, refused, unknown } = this.#counts.get(fullName(method)) ?? { accepted: 0, refused: 0, unknown: 0 };
      const isInternal = guarded && getOption(method, access).rule.case === 'internal';
      const [heard, all] = endless.includes(method.name) ? [unknown, accepted === 0] : [accepted, true];
      const right = refused >= atLeast && all && (isInternal || impossible.includes(method.name) ? accepted === 0 : heard >= atLeast);
      return right ? [] : [`${fullName(method)}: ${accepted} accepted, ${refused} refused, ${unknown} given up`];
    });
    assert.deepEqual(problems, []);
  }
}
