import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';
import type { Estimate, Question } from './estimate.ts';

/** What lies behind makes no password weaker; to look at it takes time that grows faster than its length. */
const longest = 64;

// The dictionaries hold the passwords that leaked most often, and words that pass phrases are made of.
const estimator = new ZxcvbnFactory({ graphs: adjacencyGraphs, dictionary, maxLength: longest });

parentPort!.on('message', ({ password, about }: Question) => {
  const { score, feedback } = estimator.check(password, [...about]);
  parentPort!.postMessage({ score, warning: feedback.warning } satisfies Estimate);
});
