import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineModule, reasonOf } from '@mainstay/kernel';
import { everyTopology, startDeployment } from '@mainstay/testing';
import { z } from 'zod';
import { DeploymentService, ModulesService, ModuleState, Phase } from '../contract/index.ts';

const platform = { modules: { 'sys-core': null, 'sys-accounts': null } };

everyTopology('anyone sees which modules run', async (deployment) => {
  const { modules } = await (await deployment.client(ModulesService)).listModules({});
  // Several processes have a door in common.
  assert.deepEqual(modules.map(({ name }) => name).filter((name) => name !== 'sys-gateway').sort(), ['sys-accounts', 'sys-core']);
  for (const { state, problem, services } of modules) {
    assert.equal(state, ModuleState.RUNNING);
    assert.equal(problem, '');
    assert.ok(services.length > 0);
  }
}, platform);

test('why a module does not run is for operators', async () => {
  const broken = defineModule({
    name: 'mod-broken',
    config: z.strictObject({}),
    requires: {},
    database: { migrations: new URL('./nowhere/', import.meta.url) },
  });
  const deployment = await startDeployment({ modules: { ...platform.modules, 'mod-broken': { optional: true } }, ownModules: [broken] });
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

everyTopology('anyone sees what the deployment is', async (deployment) => {
  const { name, phase, version } = await (await deployment.client(DeploymentService)).getDeployment({});
  assert.equal(name, 'test');
  assert.equal(phase, Phase.TEST);
  assert.match(version, /^\d+\.\d+\.\d+$/);
}, platform);

everyTopology('credentials that do not hold are refused even where none are needed', async (deployment) => {
  await assert.rejects((await deployment.client(ModulesService, 'nonsense')).listModules({}), (error) => reasonOf(error) === 'sys-core.TOKEN_INVALID');
  const response = await deployment.fetch('/v1/modules', { headers: { authorization: 'Basic YTpi' } });
  assert.equal(response.status, 401);
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-core.CREDENTIALS_UNKNOWN');
}, platform);

everyTopology('an org id that is no id is not found', async (deployment) => {
  const response = await deployment.fetch('/v1/accounts/me', { as: 'ada@acme.test', headers: { 'mainstay-org': "' or 1=1" } });
  assert.equal(response.status, 404);
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-core.ORG_NOT_FOUND');
}, platform);
