import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Module } from '@mainstay/kernel';
import { modules } from '@mainstay/main/modules';
import { startDeployment } from '@mainstay/testing';
import { anyCase, type FuzzCase } from './any-case.ts';
import { FuzzRun } from './fuzz-run.ts';
import { fuzzWorld } from './fuzz-world.ts';
import { settledModule } from './settled-module.ts';
import { settledRows, writtenRows } from './written-rows.ts';

const methods = (modules as readonly Module[]).flatMap(({ services = [] }) => services).flatMap(({ service }) => service.methods);
/** Each costs a tenth of a second of a processor, for the password. */
const costly = new Set(['RegisterAccount', 'ChangePassword', 'CloseAccount', 'CreateSession']);
/** A stream without end: whoever asks for it gives up at some time. */
const endless = ['WatchNotifications'];
/** Nothing is divided into shards here. */
const impossible = ['MoveSlots', 'GetSlotMove'];

test('whatever is sent to every method of every module, 8,000 times, is answered on purpose, and what is refused writes nothing', { timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-fuzz-'));
  const logFile = join(folder, 'log');
  const deployment = await startDeployment({ logFile, logLevel: 'error', ownModules: [settledModule], modules: { 'sys-core': { webhooks: { waitSeconds: [0], maxEndpoints: 1000 } }, 'sys-accounts': { accessTokenMinutes: 60, failedLogins: 100, failedLoginsPerAddress: 10_000 }, 'sys-email': null, 'sys-gateway': null, 'mod-promist': null, [settledModule.name]: null } });
  const { authorizationOf, ...world } = await fuzzWorld(deployment);
  let batches = 0;
  const afterBatch = async (refused: FuzzCase[]) => {
    if (batches++ % 10 === 0) await writesNothing(refused);
  };
  const run = new FuzzRun({ address: deployment.address, methods, authorizationOf, probe: 'sys.core.v1.DeploymentService/GetDeployment', afterBatch });
  t.after(async () => {
    await run.close();
    await deployment.stop();
    rmSync(folder, { recursive: true });
  });

  /** Sends again what was refused, until all of it is refused again. */
  async function writesNothing(cases: FuzzCase[]): Promise<void> {
    for (let again = 0; again < 5 && cases.length > 0; again++) {
      const before = await settledRows(deployment);
      const stillRefused = await run.refusedOf(cases);
      if (stillRefused.length === cases.length) return assert.deepEqual(await writtenRows(deployment), before);
      cases = stillRefused;
    }
    throw new Error('what was refused is accepted when it is sent again, each time');
  }

  await run.send(anyCase({ methods, ...world, weightOf: ({ name }) => (costly.has(name) ? 8 : 20) }), 8_000);
  for (const line of run.verdicts.lines) t.diagnostic(line);
  run.verdicts.checkMethods(methods, { atLeast: 1, guarded: true, endless, impossible });
  assert.equal(readFileSync(logFile, 'utf8'), '');
  for (const caller of world.callers.filter((name) => name.includes('@'))) assert.equal((await deployment.fetch('/v1/promises', { as: caller })).status, 200, caller);
});
