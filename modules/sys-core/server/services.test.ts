import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { modules as all } from '@mainstay/main/modules';
import { everyTopology } from '@mainstay/testing';
import { DeploymentService, ModulesService, ModuleState, Phase } from '../contract/index.ts';

everyTopology('anyone sees which modules run', async (deployment) => {
  const { modules } = await (await deployment.client(ModulesService)).listModules({});
  assert.deepEqual(modules.map(({ name }) => name).sort(), all.map(({ name }) => name).sort());
  for (const { state, problem, services } of modules) {
    assert.equal(state, ModuleState.RUNNING);
    assert.equal(problem, '');
    assert.ok(services.length > 0);
  }
});

everyTopology('anyone sees what the deployment is', async (deployment) => {
  const { name, phase, version } = await (await deployment.client(DeploymentService)).getDeployment({});
  assert.equal(name, 'test');
  assert.equal(phase, Phase.TEST);
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

everyTopology('credentials that do not hold are refused even where none are needed', async (deployment) => {
  await assert.rejects((await deployment.client(ModulesService, 'nonsense')).listModules({}), (error) => reasonOf(error) === 'sys-core.TOKEN_INVALID');
  const response = await deployment.fetch('/v1/modules', { headers: { authorization: 'Basic YTpi' } });
  assert.equal(response.status, 401);
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-core.CREDENTIALS_UNKNOWN');
});

everyTopology('an org id that is no id is not found', async (deployment) => {
  const response = await deployment.fetch('/v1/accounts/me', { as: 'ada@acme.test', headers: { 'mainstay-org': "' or 1=1" } });
  assert.equal(response.status, 404);
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-core.ORG_NOT_FOUND');
});
