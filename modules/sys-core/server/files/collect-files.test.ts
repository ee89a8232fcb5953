import assert from 'node:assert/strict';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDeployment, until } from '@mainstay/testing';
import pg from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';
import { FilesService } from '../../contract/index.ts';

const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null } });
const administrator = new pg.Client({ ...toClientConfig(parse(deployment.database.adminUrl)), database: deployment.database.name });
await administrator.connect();
after(async () => {
  await administrator.end();
  await deployment.stop();
});

const ada = 'ada@acme.test';
const contentOf = (orgId: string, sha256: string) => join(deployment.dataFolder, 'files/sys-core', orgId, sha256.slice(0, 2), sha256.slice(2));
const upload = async (content: string) => (await deployment.client(FilesService, ada)).uploadFile((async function* () { yield { name: 'x', content: { data: Buffer.from(content) } }; })());

test('what crashes left is collected, and nothing else', async () => {
  const kept = await upload('kept');
  const { rows: [row] } = await administrator.query<{ org_id: string }>('select org_id from sys_core.sys_core_files where id = $1', [kept.id]);
  const { org_id: orgId } = row!;
  const interrupted = `insert into sys_core.sys_core_files (org_id, name, content_type, size, sha256, visibility, create_time) values ($1, 'interrupted', 'text/plain', 1000, repeat($2, 64), 'PRIVATE', now() - $3::interval)`;
  await administrator.query(interrupted, [orgId, 'a', '2 days']);
  await administrator.query(interrupted, [orgId, 'b', '1 minute']);
  await administrator.query('update sys_core.sys_core_file_usage set bytes = bytes + 2000, files = files + 2 where org_id = $1', [orgId]);
  const [orphan, fresh] = [contentOf(orgId, 'c'.repeat(64)), contentOf(orgId, 'd'.repeat(64))];
  for (const path of [orphan, fresh]) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'nobody has me');
  }
  const old = new Date(Date.now() - 2 * 24 * 3_600_000);
  for (const path of [orphan, contentOf(orgId, kept.sha256)]) utimesSync(path, old, old);
  await administrator.query(`select graphile_worker.add_job('sys-core/collect-files')`);
  await until(() => !existsSync(orphan), 'the orphan is removed');
  assert.deepEqual([existsSync(fresh), existsSync(contentOf(orgId, kept.sha256))], [true, true]);
  const { rows } = await administrator.query<{ name: string; hash: string }>('select name, left(sha256, 1) as hash from sys_core.sys_core_files where name = $1', ['interrupted']);
  assert.deepEqual(rows, [{ name: 'interrupted', hash: 'b' }]);
  const { usedBytes, usedFiles } = await (await deployment.client(FilesService, ada)).getQuota({});
  assert.deepEqual([usedBytes, usedFiles], [1004n, 2n]);
});

test('the content of a removed file is gone from the disk, unless another file has it', async () => {
  const [one, two] = [await upload('twice'), await upload('twice')];
  const { rows: [row] } = await administrator.query<{ org_id: string }>('select org_id from sys_core.sys_core_files where id = $1', [one.id]);
  const path = contentOf(row!.org_id, one.sha256);
  const client = await deployment.client(FilesService, ada);
  await client.deleteFile({ fileId: one.id });
  await until(async () => (await administrator.query(`select from graphile_worker.jobs where task_identifier = 'sys-core/remove-content'`)).rowCount === 0, 'the job has run');
  assert.ok(existsSync(path));
  await client.deleteFile({ fileId: two.id });
  await until(() => !existsSync(path), 'the content is removed');
});
