import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { currentCall } from '../guard/call.ts';
import { bootstrapFrom, type Phase } from '../module/define-module.ts';
import { loadBootstrap } from './bootstrap.ts';
import { runInOrg } from './run-in-org.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-bootstrap-'));
after(() => rmSync(folder, { recursive: true }));

async function load(yaml: string, phase: Phase = 'D', work = async () => {}) {
  const file = join(folder, 'bootstrap.yaml');
  writeFileSync(file, yaml);
  const loaded: unknown[] = [];
  const schema = z.strictObject({ orgs: z.array(z.strictObject({ name: z.string() })) });
  const bootstrap = bootstrapFrom(pathToFileURL(file), schema, async (_: {}, data) => { loaded.push(data); await work(); });
  await loadBootstrap({ module: 'mod-x', bootstrap, phase, needs: {}, tools: { announce: () => {} } });
  return loaded;
}

const good = 'phases: [D, T]\ndata:\n  orgs:\n    - name: Acme\n';

test('data is loaded in the phases that the file names, and in no other', async () => {
  assert.deepEqual(await load(good, 'D'), [{ orgs: [{ name: 'Acme' }] }]);
  assert.deepEqual(await load(good, 'P'), []);
});

test('the module acts for itself over all orgs, and in one where it says so', async () => {
  const org = '00000000-0000-7000-8000-000000000001';
  await load(good, 'D', async () => {
    assert.deepEqual([currentCall().principal, currentCall().acrossOrgs], [{ kind: 'module', module: 'mod-x' }, true]);
    await runInOrg(org, async () => assert.deepEqual([currentCall().principal, currentCall().acrossOrgs ?? false], [{ kind: 'module', module: 'mod-x', orgId: org }, false]));
  });
});

test('a wrong key is told with file, line and key, also in phases that do not load it', async () => {
  const wrong = good.replace('name: Acme', 'nmae: Acme');
  for (const phase of ['D', 'P'] as const) await assert.rejects(load(wrong, phase), /bootstrap\.yaml:4: .*nmae/);
  await assert.rejects(load(good.replace('[D, T]', '[X]')), /bootstrap\.yaml:1: phases/);
});
