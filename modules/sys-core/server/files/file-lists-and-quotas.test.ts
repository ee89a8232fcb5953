import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fromJson, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '@mainstay/kernel';
import { OrgsService } from '@mainstay/sys-accounts/contract';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { FilesService, Setting_Source as Source, SettingsService, Visibility, type File } from '../../contract/index.ts';

const [root, ops, olga, ada, eve] = ['root@mainstay.test', 'ops@mainstay.test', 'olga@acme.test', 'ada@acme.test', 'eve@umbrella.test'];
const mebibyte = 1024 * 1024;
const quota = { module: 'sys-core', key: 'fileQuotaMiB' };

let deployment: TestDeployment;
let acme: string;

before(async () => {
  deployment = await startDeployment({ modules: { 'sys-core': { files: { maxFileMiB: 1, orgQuotaMiB: 1, maxFilesPerOrg: 20 } }, 'sys-accounts': null, 'sys-email': null } });
  const { orgs } = await (await deployment.client(OrgsService, root)).listOrgs({ filter: 'name = Acme' });
  acme = orgs[0]!.orgId;
});

after(() => deployment.stop());

const files = (as: string) => deployment.client(FilesService, as);
const settings = (as: string) => deployment.client(SettingsService, as);
const value = (json: number) => fromJson(ValueSchema, json);
const refused = (reason: string) => (error: unknown) => reasonOf(error) === reason;

async function keep(as: string, name: string, size: number, { visibility = Visibility.PRIVATE, contentType = 'text/plain', pause = async () => {} } = {}): Promise<File> {
  return (await files(as)).uploadFile((async function* () {
    yield { name, visibility, content: { contentType, data: Buffer.alloc(size, name) } };
    await pause();
  })());
}

async function removeAll(): Promise<void> {
  for (const as of [olga, eve]) for (const { id } of (await (await files(as)).listFiles({})).files) await (await files(as)).deleteFile({ fileId: id });
}

/** The names that a list gives, page by page, and how many it counts. */
async function listed(as: string, asked: { filter?: string; orderBy?: string }): Promise<[names: string[], total: number]> {
  const client = await files(as);
  const names: string[] = [];
  for (let pageToken = ''; ; ) {
    const page = await client.listFiles({ ...asked, countTotal: true, pageSize: 2, pageToken });
    names.push(...page.files.map(({ name }) => name));
    if (!(pageToken = page.nextPageToken)) return [names, page.totalSize];
  }
}

test('files are found by a filter, ordered and counted, as far as the caller may read them', async () => {
  const { sha256, ownerAccountId } = await keep(ada, 'b.txt', 300);
  await keep(ada, 'a.txt', 100, { visibility: Visibility.ORG });
  await keep(ada, 'report.csv', 200, { contentType: 'text/csv' });
  await keep(olga, 'secret.csv', 400);
  await keep(olga, 'shared.txt', 500, { visibility: Visibility.ORG });
  const found = async (filter: string, as = ada) => {
    const [names, total] = await listed(as, { filter, orderBy: 'name' });
    assert.equal(total, names.length);
    return names.join(' ');
  };
  assert.equal(await found(''), 'a.txt b.txt report.csv shared.txt');
  assert.equal(await found('', olga), 'a.txt b.txt report.csv secret.csv shared.txt');
  assert.equal(await found('name = "a.txt"'), 'a.txt');
  assert.equal(await found('csv'), 'report.csv');
  assert.equal(await found('name:"CSV"', olga), 'report.csv secret.csv');
  assert.equal(await found('content_type = "text/csv"'), 'report.csv');
  assert.equal(await found('size > 100 AND size <= 300'), 'b.txt report.csv');
  assert.equal(await found('size < 100.5'), 'a.txt');
  assert.equal(await found(`sha256 = ${sha256}`), 'b.txt');
  assert.equal(await found(`owner_account_id = ${ownerAccountId}`), 'a.txt b.txt report.csv');
  assert.equal(await found(`NOT owner_account_id = ${ownerAccountId}`), 'shared.txt');
  assert.equal(await found('visibility = ORG'), 'a.txt shared.txt');
  assert.equal(await found('create_time > "2026-01-01" AND create_time < "2100-01-01"'), 'a.txt b.txt report.csv shared.txt');
  assert.equal(await found('create_time < "2026-01-01"'), '');
  assert.equal(await found('', eve), '');
  assert.deepEqual(await listed(ada, {}), [['shared.txt', 'report.csv', 'a.txt', 'b.txt'], 4]);
  assert.deepEqual(await listed(ada, { orderBy: 'create_time' }), [['b.txt', 'a.txt', 'report.csv', 'shared.txt'], 4]);
  assert.deepEqual(await listed(ada, { orderBy: 'size desc' }), [['shared.txt', 'b.txt', 'report.csv', 'a.txt'], 4]);
  const client = await files(ada);
  await assert.rejects(client.listFiles({ filter: 'state = READY' }), refused('kernel.INVALID_FILTER'));
  await assert.rejects(client.listFiles({ orderBy: 'sha256' }), refused('kernel.INVALID_ORDER'));
  const { nextPageToken: pageToken } = await client.listFiles({ filter: 'size > 1', pageSize: 1 });
  await assert.rejects(client.listFiles({ filter: 'size > 2', pageSize: 1, pageToken }), refused('kernel.BAD_PAGE_TOKEN'));
  await removeAll();
});

test('an operator gives an org more room and takes it back, at once and for that org alone', async () => {
  const [operator, client] = [await settings(root), await files(ada)];
  const allowed = async (as: string) => Number((await (await files(as)).getQuota({})).allowedBytes) / mebibyte;
  const { value: configured, source } = await operator.getSetting({ ...quota, orgId: acme });
  assert.deepEqual([toJson(ValueSchema, configured!), source, await allowed(ada)], [1, Source.CONFIGURATION, 1]);
  const { id } = await keep(ada, 'first', 900_000);
  await assert.rejects(keep(ada, 'second', 900_000), refused('sys-core.FILE_QUOTA_REACHED'));
  await operator.updateSetting({ ...quota, orgId: acme, value: value(2), reason: 'asked for' });
  await keep(ada, 'second', 900_000);
  assert.deepEqual([await allowed(ada), await allowed(eve)], [2, 1]);
  await operator.updateSetting({ ...quota, orgId: acme, value: value(1), reason: 'not paid for' });
  await assert.rejects(keep(ada, 'third', 1), refused('sys-core.FILE_QUOTA_REACHED'));
  assert.deepEqual((await listed(ada, { orderBy: 'name' }))[0], ['first', 'second'], 'what is kept stays');
  await client.deleteFile({ fileId: id });
  await keep(ada, 'third', 1);
  await assert.rejects(operator.updateSetting({ ...quota, orgId: acme, value: value(0) }), refused('sys-core.SETTING_NOT_ALLOWED'));
  for (const [as, orgId] of [[root, acme], [olga, '']] as const) {
    const { changes } = await (await settings(as)).listSettingChanges({ ...quota, orgId });
    assert.deepEqual(changes.map(({ before, after, reason }) => [before && toJson(ValueSchema, before), after && toJson(ValueSchema, after), reason]), [[2, 1, 'not paid for'], [undefined, 2, 'asked for']]);
  }
  await removeAll();
});

test('an upload that is under way keeps to the quota that counts at its end', async () => {
  const operator = await settings(root);
  const shrink = async () => void (await operator.updateSetting({ module: 'sys-core', key: 'fileQuotaCount', orgId: acme, value: value(1) }));
  await keep(ada, 'one', 10);
  await assert.rejects(keep(ada, 'two', 10, { pause: shrink }), refused('sys-core.FILE_COUNT_REACHED'));
  assert.equal((await (await files(ada)).getQuota({})).allowedFiles, 1n);
  await operator.resetSetting({ module: 'sys-core', key: 'fileQuotaCount', orgId: acme });
  await keep(ada, 'two', 10);
  await removeAll();
});

test('an org sees its quota and can not change it; nor can anybody else but operators', async () => {
  const admin = await settings(olga);
  const before = await (await settings(root)).listSettingChanges({ orgId: acme });
  const own = (await admin.listSettings({ module: 'sys-core' })).settings;
  assert.deepEqual(own.map(({ key, operatorsOnly }) => [key, operatorsOnly]), [['fileQuotaCount', true], ['fileQuotaMiB', true]]);
  for (const orgId of ['', acme]) {
    await assert.rejects(admin.updateSetting({ ...quota, orgId, value: value(1000) }), refused('sys-core.SETTING_FOR_OPERATORS'));
    await assert.rejects(admin.resetSetting({ ...quota, orgId }), refused('sys-core.SETTING_FOR_OPERATORS'));
    await assert.rejects(admin.revertSetting({ ...quota, orgId, version: 1 }), refused('sys-core.SETTING_FOR_OPERATORS'));
  }
  for (const as of [ada, ops]) await assert.rejects((await settings(as)).updateSetting({ ...quota, orgId: acme, value: value(1000) }), (error) => ['kernel.PERMISSION_DENIED', 'sys-core.ORG_NOT_FOUND'].includes(reasonOf(error)!));
  assert.deepEqual((await (await settings(root)).listSettingChanges({ orgId: acme })).changes.length, before.changes.length);
});
