import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineModule } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { z } from 'zod';
import { ModulesService, ModuleState } from '../contract/index.ts';

test('why a module does not run is for operators', async () => {
  const broken = defineModule({
    name: 'mod-broken',
    config: z.strictObject({}),
    requires: {},
    database: { migrations: new URL('./nowhere/', import.meta.url) },
  });
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-broken': { optional: true } }, ownModules: [broken] });
  try {
    const problemFor = async (as?: string) => {
      const { modules } = await (await deployment.client(ModulesService, as)).listModules({});
      const found = modules.find(({ name }) => name === 'mod-broken')!;
      assert.equal(found.state, ModuleState.QUARANTINED);
      return found.problem;
    };
    for (const operator of ['ops@mainstay.test', 'root@mainstay.test']) assert.match(await problemFor(operator), /nowhere/);
    for (const other of [undefined, 'ada@acme.test', 'olga@acme.test']) assert.equal(await problemFor(other), '');
  } finally {
    await deployment.stop();
  }
});
