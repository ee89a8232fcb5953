import { randomUUID } from 'node:crypto';
import { defineModule, deploymentWide, job, perOrg, webhook } from '@mainstay/kernel';
import { z } from 'zod';

/** A module with settings of every type, a job that succeeds, and a webhook that is not signed. */
export const settledModule = defineModule({
  name: 'mod-settled',
  config: z.strictObject({}),
  requires: {},
  settings: {
    greeting: perOrg(z.string().max(20).nullable().default('hello').describe('A text.')),
    pause: deploymentWide(z.int().min(1).max(1000).default(7).describe('A number.')),
    open: perOrg(z.boolean().default(true).describe('Yes or no.')),
    colour: deploymentWide(z.enum(['red', 'blue']).default('red').describe('A choice.')),
    days: perOrg(z.array(z.int().min(1).max(7)).max(7).default([1]).describe('A list.')),
    size: deploymentWide(z.strictObject({ width: z.number().min(0), height: z.number().min(0).optional() }).default({ width: 1 }).describe('An object.')),
  },
  jobs: [job('rest', async () => {})],
  webhooks: [webhook('open', { scheme: () => randomUUID(), secrets: () => ['none'], payload: z.unknown() }, async () => {})],
});

/** Values that its settings may have, by their keys. */
export const settledValues: Readonly<Record<string, readonly unknown[]>> = {
  greeting: ['hello', '', null, 'good day'],
  pause: [1, 7, 1000],
  open: [true, false],
  colour: ['red', 'blue'],
  days: [[], [1], [1, 2, 3, 4, 5, 6, 7]],
  size: [{ width: 0 }, { width: 1.5, height: 2 }],
};
/** The keys of those that an org may have for itself. */
export const settledPerOrg: readonly string[] = ['greeting', 'open', 'days'];
