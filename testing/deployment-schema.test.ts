import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deploymentJsonSchema, readDeployment } from '@mainstay/kernel/deployment';
import { modules } from '@mainstay/main/modules';

const deploy = join(import.meta.dirname, '../deploy');

test('the published schema of deployment files is fresh', () => {
  const published = JSON.parse(readFileSync(join(deploy, 'deployment.schema.json'), 'utf8')) as unknown;
  assert.deepEqual(published, JSON.parse(JSON.stringify(deploymentJsonSchema(modules))), 'run: ./mainstay publish');
});

test('every deployment file of this repository can be read', () => {
  const files = globSync('deployments/*.yaml', { cwd: deploy });
  assert.ok(files.length > 0);
  for (const file of files) assert.ok(readDeployment(join(deploy, file), modules).modules.length > 0, file);
});
