import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { findRunning } from '@mainstay/kernel/postgres';
import { until } from '@mainstay/kernel/testing';
import { drillDeployment, signIn } from '../testing/drill-deployment.ts';

test('an audit whose end was cut off fails the check; one that was restored from an older backup does not', async (t) => {
  const drill = await drillDeployment(t);
  // An encrypted one brings the secret that proves the seals.
  Object.assign(drill.env, { MAINSTAY_BACKUP_PASSPHRASE: 'four words nobody guesses' });
  const file = join(drill.home, 'a.backup');
  const asAdministrator = (sql: string) =>
    withClient(connectionConfig(findRunning(join(drill.home, 'drill/postgres'))!.adminUrl('drill')), async (client) => Number((await client.query<{ last: string }>(sql)).rows[0]?.last));
  const last = () => asAdministrator('select max(sequence) as last from sys_core.sys_core_audit_entries');
  const noted = () => {
    const note = join(drill.home, 'drill/data-files/audit-head.json');
    return existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as { sequence: number }).sequence : 0;
  };
  /** Signs in, and waits until that is in the audit and its head is noted. */
  const act = async () => {
    const before = await last();
    assert.equal(await signIn(drill), 200);
    await until(async () => noted() > before && noted() === (await last()), 'the newest head is noted');
  };
  const verify = (deployment = 'drill') => drill.mainstay('audit', 'verify', '--deployment', deployment, '--as', 'root@mainstay.test');
  const restored = (...into: string[]) => {
    assert.equal(drill.mainstay('down', '--deployment', 'drill').status, 0);
    const { status, output } = drill.mainstay('restore', file, ...into);
    assert.equal(status, 0, output);
  };

  assert.equal(drill.up().status, 0);
  await act();
  assert.match(verify().output, /^\d+ entr(y|ies) checked, and all hold; head \d+:[0-9a-f]{64}\n$/);
  assert.equal(drill.mainstay('backup', file, '--encrypt', '--deployment', 'drill').status, 0);
  await act();
  await act();
  restored('--force');
  assert.equal(drill.up().status, 0);
  const after = verify();
  assert.equal(after.status, 0, after.output);
  await act();
  assert.match(verify().output, /^\d+ entries checked, and all hold/);

  const sealedBefore = await asAdministrator('select sequence as last from sys_core.sys_core_audit_seals order by sequence desc offset 1 limit 1');
  for (const table of ['entries', 'seals']) await asAdministrator(`delete from sys_core.sys_core_audit_${table} where sequence > ${sealedBefore}`);
  const cut = verify();
  assert.equal(cut.status, 1, cut.output);
  assert.match(cut.output, /broken at entry \d+ \((TRUNCATED|REWRITTEN)\): .* missing/);
  await asAdministrator('truncate sys_core.sys_core_audit_entries, sys_core.sys_core_audit_seals');
  const empty = verify();
  assert.equal(empty.status, 1, empty.output);
  assert.match(empty.output, /broken at entry \d+ \(TRUNCATED\): .* missing/);

  restored('--into', 'copy');
  assert.equal(drill.mainstay('up', '--detach', '--deployment', join(drill.home, 'copy/deployment.yaml')).status, 0);
  const copy = verify('copy');
  assert.equal(copy.status, 0, copy.output);
});
