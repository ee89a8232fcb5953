import type { Module } from '@mainstay/kernel';
import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { readYamlOf } from './start-deployment.ts';

/**
 * Starts a deployment in a process that a test has forked, to kill or attack it: on the database, with the secret and the data
 * folder that its first arguments name. `content` is the rest of its deployment file. Tells the test its address.
 */
export async function startInChild(content: object, available: readonly Module[]): Promise<void> {
  const [databaseUrl, databaseName, secret, dataFolder] = process.argv.slice(2) as [string, string, string, string];
  const deployment = readYamlOf({ name: 'test', phase: 'T', ...content }, available);
  const { address } = await startProcess({ deployment, databaseUrl, databaseName, secret, dataFolder, log: createLog({ level: 'fatal' }), announce: () => {} });
  process.send!(address);
}
