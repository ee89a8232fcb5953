import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { defineModule } from './define-module.ts';
import { deploymentJsonSchema, readDeployment } from './deployment.ts';
import { secret } from './secret.ts';
import { StartError } from './start-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-deployment-'));
after(() => rmSync(folder, { recursive: true }));

const lamps = defineModule({ name: 'mod-lamps', requires: {}, config: z.object({ watts: z.int().max(60).default(5), colour: z.enum(['warm', 'cold']).default('warm') }) });
const mail = defineModule({ name: 'sys-mail', requires: {}, config: z.object({ smtpPassword: secret() }) });
const modules = [lamps, mail];

function read(text: string, environment: NodeJS.ProcessEnv = {}) {
  const file = join(folder, 'deployment.yaml');
  writeFileSync(file, text);
  return readDeployment(file, modules, environment);
}

function problems(text: string, environment: NodeJS.ProcessEnv = {}): string[] {
  try {
    read(text, environment);
  } catch (error) {
    assert.ok(error instanceof StartError, String(error));
    return error.problems.map((problem) => problem.replace(`${folder}/`, ''));
  }
  return assert.fail('the file was accepted');
}

test('a module that is named runs with its defaults', () => {
  const deployment = read('name: demo\nphase: D\nmodules:\n  mod-lamps:\n');
  assert.deepEqual(deployment.modules.map(({ module, config }) => [module.name, config]), [['mod-lamps', { watts: 5, colour: 'warm' }]]);
  assert.equal(deployment.http.port, 4400);
});

test('no module named means there is nothing to run', () => {
  for (const text of ['name: demo\nphase: D\n', 'name: demo\nphase: D\nmodules:\n', 'name: demo\nphase: D\nmodules: {}\n']) {
    assert.match(problems(text)[0]!, /no module is named under "modules".*mod-lamps, sys-mail/);
  }
});

test('a wrong value names file, line, key and what is allowed', () => {
  const found = problems('name: demo\nphase: X\nmodules:\n  mod-lamps:\n    watts: 75\n    colour: blue\n');
  assert.deepEqual(found, [
    'deployment.yaml:2: phase: invalid option: expected one of "D"|"T"|"A"|"P"',
    'deployment.yaml:5: modules.mod-lamps.watts: too big: expected number to be <=60',
    'deployment.yaml:6: modules.mod-lamps.colour: invalid option: expected one of "warm"|"cold"',
  ]);
});

test('an unknown key is an error that lists the known ones', () => {
  assert.deepEqual(problems('name: demo\nphase: D\nhttp:\n  prot: 1\nmodules:\n  mod-lamps:\n    wats: 5\n  mod-cats: {}\n').sort(), [
    'deployment.yaml:4: http.prot: unknown key; allowed here: host, port, publicAddress, mostConnections, mostConnectionsPerAddress, bodyLimitMiB',
    'deployment.yaml:7: modules.mod-lamps.wats: unknown key; allowed here: watts, colour, optional',
    'deployment.yaml:8: modules.mod-cats: this build has no such module, so take the key away, or add the module to main/modules.ts; allowed here: mod-lamps, sys-mail',
  ]);
});

test('YAML that cannot be read names its line', () => {
  assert.match(problems('name: demo\nphase: D\nphase: T\n')[0]!, /^deployment.yaml:3: not valid YAML: Map keys must be unique/);
  assert.match(problems('name: [demo\n')[0]!, /^deployment.yaml:\d: not valid YAML/);
});

test('a file full of nested aliases is refused', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefgh'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join()}]`)].join('\n');
  assert.match(problems(bomb)[0]!, /^deployment.yaml: not valid YAML: excessive alias count/);
});

test('a secret comes from the environment and never from the file', () => {
  assert.deepEqual(read('name: demo\nphase: D\nmodules: { sys-mail: {} }\n', { SYS_MAIL_SMTP_PASSWORD: 'x' }).modules[0]!.config, { smtpPassword: 'x' });
  assert.match(problems('name: demo\nphase: D\nmodules: { sys-mail: {} }\n')[0]!, /sys-mail needs the environment variable SYS_MAIL_SMTP_PASSWORD/);
  assert.match(problems('name: demo\nphase: D\nmodules: { sys-mail: { smtpPassword: x } }\n')[0]!, /smtpPassword: unknown key/);
});

test('a missing file is told by name', () => {
  assert.throws(() => readDeployment(join(folder, 'none.yaml'), modules), /none.yaml: no such file/);
});

test('the published schema knows every module and refuses unknown keys', () => {
  const schema = deploymentJsonSchema(modules) as unknown as { properties: { modules: { anyOf: [{ properties: object; additionalProperties: boolean }] } } };
  assert.deepEqual(Object.keys(schema.properties.modules.anyOf[0].properties), ['mod-lamps', 'sys-mail']);
  assert.equal(schema.properties.modules.anyOf[0].additionalProperties, false);
});
