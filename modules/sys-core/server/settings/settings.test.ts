import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { timestampDate, ValueSchema, type Value } from '@bufbuild/protobuf/wkt';
import { deploymentWide, perOrg, reasonOf, serve, type Module, type SettingsReader } from '@mainstay/kernel';
import { OrgsService } from '@mainstay/sys-accounts/contract';
import core from '@mainstay/sys-core';
import { startDeployment, type TestDeployment, until } from '@mainstay/testing';
import { z } from 'zod';
import { DeploymentService, Setting_Source as Source, SettingsService, type Setting } from '../../contract/index.ts';

const root = 'root@mainstay.test';
const olga = 'olga@acme.test';
const ada = 'ada@acme.test';
const eve = 'eve@umbrella.test';
const module = 'sys-core';

const settings = {
  standingCacheMilliseconds: perOrg(core.config.shape.standingCacheMilliseconds),
  greeting: perOrg(z.string().max(20).nullable().default('hello').describe('What is said.')),
  pause: deploymentWide(z.int().min(1).default(7).describe('Milliseconds.'), { objection: (is, { address }) => (is === 666 && address ? 'it would lock you out' : undefined) }),
};

/** The core with settings of its own; its deployment's name tells what they are for the caller. */
const probe: Module = {
  ...core,
  settings,
  services: [
    ...core.services!.filter(({ service }) => service !== DeploymentService),
    serve(DeploymentService, (needs: { settings: SettingsReader<typeof settings> }) => {
      reader = needs.settings;
      return { getDeployment: async () => ({ name: JSON.stringify(await Promise.all([needs.settings.get('standingCacheMilliseconds'), needs.settings.get('greeting'), needs.settings.get('pause')])) }) };
    }),
  ],
};

let reader: SettingsReader<typeof settings>;
let deployment: TestDeployment;
let acme: string;
let umbrella: string;

before(async () => {
  deployment = await startDeployment({ modules: { 'sys-core': { standingCacheMilliseconds: 900 }, 'sys-accounts': null, 'sys-email': null }, ownModules: [probe] });
  const { orgs } = await (await deployment.client(OrgsService, root)).listOrgs({});
  [acme, umbrella] = ['Acme', 'Umbrella'].map((name) => orgs.find((org) => org.name === name)!.orgId) as [string, string];
});

after(() => deployment.stop());

const service = (as?: string) => deployment.client(SettingsService, as);
const value = (json: JsonValue): Value => fromJson(ValueSchema, json);
const json = (given: Value | undefined) => given && toJson(ValueSchema, given);
const brief = ({ value: is, source, version }: Setting) => [json(is), source, version];
const seenBy = async (as?: string) => JSON.parse((await (await deployment.client(DeploymentService, as)).getDeployment({})).name) as unknown;
const refusedBy = (reason: string) => (error: unknown) => reasonOf(error) === reason;
const refused = (reason: string, message?: RegExp) => (error: unknown) => reasonOf(error) === `sys-core.${reason}` && (!message || message.test((error as Error).message));

test('a setting is what the configuration says, then what the deployment says, then what the org says', async () => {
  const at = { module, key: 'standingCacheMilliseconds' };
  const [operator, admin] = [await service(root), await service(olga)];
  assert.deepEqual(brief(await admin.getSetting(at)), [900, Source.CONFIGURATION, 0]);
  assert.deepEqual(brief(await operator.updateSetting({ ...at, value: value(500) })), [500, Source.SET_FOR_DEPLOYMENT, 1]);
  assert.deepEqual(brief(await admin.getSetting(at)), [500, Source.SET_FOR_DEPLOYMENT, 0]);
  assert.deepEqual(await Promise.all([seenBy(), seenBy(ada), seenBy(eve)]), [[500, 'hello', 7], [500, 'hello', 7], [500, 'hello', 7]]);
  assert.deepEqual(brief(await admin.updateSetting({ ...at, value: value(400) })), [400, Source.SET_FOR_ORG, 1]);
  assert.deepEqual(await Promise.all([seenBy(), seenBy(ada), seenBy(eve)]), [[500, 'hello', 7], [400, 'hello', 7], [500, 'hello', 7]]);
  assert.deepEqual(await reader.getAll('standingCacheMilliseconds'), { value: 500, byOrg: new Map([[acme, 400]]) });
  assert.deepEqual(brief(await operator.updateSetting({ ...at, orgId: umbrella, value: value(300) })), [300, Source.SET_FOR_ORG, 1]);
  assert.deepEqual(await seenBy(eve), [300, 'hello', 7]);
  assert.deepEqual(brief(await admin.resetSetting(at)), [500, Source.SET_FOR_DEPLOYMENT, 2]);
  assert.deepEqual(brief(await operator.resetSetting(at)), [900, Source.CONFIGURATION, 2]);
  assert.deepEqual(await Promise.all([seenBy(), seenBy(ada), seenBy(eve)]), [[900, 'hello', 7], [900, 'hello', 7], [300, 'hello', 7]]);
});

test('values are kept as they are, null and text that looks like JSON too, over a restart', async () => {
  const at = { module, key: 'greeting' };
  for (const text of ['{"is": 1}', 'null', '', 'ü\u{1f600}', null]) {
    assert.deepEqual(json((await (await service(root)).updateSetting({ ...at, value: value(text) })).value), text);
    assert.deepEqual(await seenBy(), [900, text, 7]);
  }
  await deployment.restart();
  assert.deepEqual(await seenBy(), [900, null, 7]);
  await (await service(root)).resetSetting(at);
});

test('a change that another process made is seen', async () => {
  await (await service(root)).updateSetting({ module, key: 'pause', value: value(8) });
  assert.deepEqual(await seenBy(), [900, 'hello', 8]);
  // A process that changed nothing by itself has no reason to ask more often than usual.
  await deployment.restart();
  assert.deepEqual(await seenBy(), [900, 'hello', 8]);
  await deployment.sql(`update sys_core.sys_core_settings set value = '{"is": 9}', revision = nextval('sys_core.sys_core_settings_revision') where key = 'pause'`);
  await until(async () => isDeepStrictEqual(await seenBy(), [900, 'hello', 9]), 'the change is seen');
});

test('a value that this version does not allow is left out', async () => {
  await (await service(root)).updateSetting({ module, key: 'pause', value: value(8) });
  await deployment.sql(`update sys_core.sys_core_settings set value = '{"is": "long"}', revision = nextval('sys_core.sys_core_settings_revision') where key = 'pause'`);
  await until(async () => isDeepStrictEqual(await seenBy(), [900, 'hello', 7]), 'the value is left out');
  assert.deepEqual(brief(await (await service(root)).getSetting({ module, key: 'pause' })).slice(0, 2), [7, Source.CONFIGURATION]);
  await (await service(root)).resetSetting({ module, key: 'pause' });
});

test('every change is in the history, and can be taken back', async () => {
  const at = { module, key: 'greeting', orgId: umbrella };
  const client = await service(root);
  await client.updateSetting({ ...at, value: value('one'), reason: 'the first' });
  await client.updateSetting({ ...at, value: value('one') });
  await client.updateSetting({ ...at, value: value('two') });
  await client.resetSetting({ ...at, reason: 'enough' });
  assert.deepEqual(brief(await client.revertSetting({ ...at, version: 1 })), ['one', Source.SET_FOR_ORG, 4]);
  assert.deepEqual(brief(await client.revertSetting({ ...at, version: 0 })).slice(0, 2), ['hello', Source.CONFIGURATION]);
  await assert.rejects(client.revertSetting({ ...at, version: 9 }), refused('SETTING_VERSION_UNKNOWN', /no version 9; it has had 5/));
  const first = await client.listSettingChanges({ ...at, pageSize: 3 });
  const rest = await client.listSettingChanges({ ...at, pageSize: 3, pageToken: first.nextPageToken });
  const changes = [...first.changes, ...rest.changes];
  assert.deepEqual(changes.map(({ version, before, after, reason }) => [version, json(before), json(after), reason]), [
    [5, 'one', undefined, 'back to version 0'],
    [4, undefined, 'one', 'back to version 1'],
    [3, 'two', undefined, 'enough'],
    [2, 'one', 'two', ''],
    [1, undefined, 'one', 'the first'],
  ]);
  assert.ok(changes.every(({ accountId, time }) => /^[0-9a-f-]{36}$/.test(accountId) && time));
});

test('changes are found by a filter, ordered and counted', async () => {
  const client = await service(root);
  const [at, other] = [{ module, key: 'greeting', orgId: umbrella }, { module, key: 'standingCacheMilliseconds', orgId: umbrella }];
  await client.updateSetting({ ...at, value: value('one'), reason: 'a first try' });
  await client.updateSetting({ ...other, value: value(100), reason: 'too slow' });
  await client.updateSetting({ ...at, value: value('two'), reason: 'a second try' });
  const { changes: [last] } = await client.listSettingChanges(at);
  const since = `time > "${timestampDate((await client.listSettingChanges({ ...at, orderBy: 'time desc' })).changes[1]!.time!).toISOString().replace(/Z$/, '999Z')}"`;
  const found = async (filter: string, orderBy = '') => {
    const { changes, totalSize } = await client.listSettingChanges({ orgId: umbrella, filter, orderBy, countTotal: true });
    assert.equal(totalSize, changes.length);
    return changes.map(({ reason }) => reason);
  };
  assert.deepEqual(await found('key = greeting AND try'), ['a second try', 'a first try']);
  assert.deepEqual(await found('key = greeting AND try', 'time'), ['a first try', 'a second try']);
  assert.deepEqual((await found(`${since} AND module = sys-core`)).slice(0, 2), ['a second try', 'too slow']);
  assert.deepEqual(await found(`slow AND account_id = ${last!.accountId} AND NOT actor_account_id:*`), ['too slow']);
  assert.deepEqual(await found('module = mod-none'), []);
  await assert.rejects(client.listSettingChanges({ filter: 'after = two' }), refusedBy('kernel.INVALID_FILTER'));
  await assert.rejects(client.listSettingChanges({ orderBy: 'reason' }), refusedBy('kernel.INVALID_ORDER'));
  for (const setting of [at, other]) await client.resetSetting(setting);
});

test('of two who change what they both read, one is refused', async () => {
  const at = { module, key: 'pause' };
  const client = await service(root);
  const { etag } = await client.getSetting(at);
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((number) => client.updateSetting({ ...at, value: value(100 + number), etag })));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(refused('SETTING_CHANGED_MEANWHILE')(outcome.reason));
  await client.resetSetting(at);
});

test('a dry run checks like a change and tells what would be, and changes nothing', async () => {
  const at = { module, key: 'pause', validateOnly: true };
  const client = await service(root);
  const before = await client.getSetting(at);
  assert.deepEqual(brief(await client.updateSetting({ ...at, value: value(30), reason: 'dry' })), [30, Source.SET_FOR_DEPLOYMENT, before.version + 1]);
  await assert.rejects(client.updateSetting({ ...at, value: value(0) }), refused('SETTING_NOT_ALLOWED'));
  await assert.rejects(client.updateSetting({ ...at, value: value(30), etag: '"9-x"' }), refused('SETTING_CHANGED_MEANWHILE'));
  await assert.rejects(client.updateSetting({ ...at, value: value(666) }), refused('SETTING_UNWISE'));
  assert.deepEqual(await client.getSetting(at), before);
  assert.equal((await client.listSettingChanges({ module, filter: 'dry' })).changes.length, 0);
  await client.updateSetting({ module, key: 'pause', value: value(31) });
  const changed = await client.getSetting(at);
  assert.deepEqual(brief(await client.resetSetting(at)), [7, Source.CONFIGURATION, changed.version + 1]);
  assert.deepEqual(brief(await client.revertSetting({ ...at, version: 0 })), [7, Source.CONFIGURATION, changed.version + 1]);
  assert.deepEqual(await client.getSetting(at), changed);
  await client.resetSetting({ module, key: 'pause' });
});

test('what its module objects to is changed only by who insists', async () => {
  const at = { module, key: 'pause' };
  const client = await service(root);
  await assert.rejects(client.updateSetting({ ...at, value: value(666) }), refused('SETTING_UNWISE', /it would lock you out; send force/));
  const { version } = await client.updateSetting({ ...at, value: value(666), force: true });
  await client.resetSetting(at);
  await assert.rejects(client.revertSetting({ ...at, version }), refused('SETTING_UNWISE'));
  assert.deepEqual(brief(await client.revertSetting({ ...at, version, force: true })).slice(0, 1), [666]);
  await client.resetSetting(at);
});

test('REST changes a setting only if it is as If-Match says', async () => {
  const path = `/v1/settings/${module}/greeting`;
  const send = async (where: string, ifMatch: string, body: object, method = 'POST') => {
    const answer = await deployment.fetch(path + where, { method, as: root, body, headers: { 'if-match': ifMatch } });
    return [answer.status, ((await answer.json()) as { reason?: string }).reason, answer.headers.get('etag')!] as const;
  };
  const tag = async () => (await deployment.fetch(path, { as: root })).headers.get('etag')!;
  const first = await tag();
  assert.match(first, /^"\d+-[0-9a-z]+"$/, 'a strong entity tag of RFC 9110');
  assert.equal((await deployment.fetch(path, { as: root, headers: { 'if-none-match': first } })).status, 304);
  const [status, , second] = await send('', first, { value: 'as seen' }, 'PATCH');
  assert.deepEqual([status, second], [200, await tag()]);
  for (const stale of [first, `W/${second}`, `${first}, "9999"`, 'v1'])
    for (const [where, body, method] of [['', { value: 'lost' }, 'PATCH'], [':reset', {}], [':revert', { version: 0 }]] as const)
      assert.deepEqual((await send(where, stale, body, method)).slice(0, 2), [412, 'sys-core.SETTING_CHANGED_MEANWHILE'], `${stale} ${where}`);
  const inBody = await deployment.fetch(path, { method: 'PATCH', as: root, body: { value: 'lost', etag: first } });
  assert.deepEqual([inBody.status, ((await inBody.json()) as { reason: string }).reason], [412, 'sys-core.SETTING_CHANGED_MEANWHILE']);
  assert.equal(await tag(), second);
  assert.equal((await send('', `${first}, ${second}`, { value: 'in a list' }, 'PATCH'))[0], 200);
  assert.equal((await send('', '*', { value: 'whatever it is' }, 'PATCH'))[0], 200);
  assert.equal((await send(':revert', await tag(), { version: 0 }))[0], 200);
  assert.equal((await send(':reset', await tag(), {}))[0], 200);
});

test('an org that shows another value of the deployment has another etag, and can be changed all the same', async () => {
  const at = { module, key: 'greeting', orgId: umbrella };
  const client = await service(root);
  const { etag } = await client.getSetting(at);
  await client.updateSetting({ module, key: 'greeting', value: value('from above') });
  assert.notEqual((await client.getSetting(at)).etag, etag);
  await client.updateSetting({ ...at, value: value('own'), etag });
  for (const setting of [at, { module, key: 'greeting' }]) await client.resetSetting(setting);
});

test('what is wrong is said with what would be right', async () => {
  const client = await service(root);
  await assert.rejects(client.updateSetting({ module, key: 'pause', value: value(0) }), refused('SETTING_NOT_ALLOWED', /can not be 0: .*>=1.*"minimum":1/));
  await assert.rejects(client.updateSetting({ module, key: 'pause', value: value('5') }), refused('SETTING_NOT_ALLOWED', /can not be "5": .*number/));
  await assert.rejects(client.updateSetting({ module, key: 'pause', value: { $typeName: 'google.protobuf.Value', kind: { case: 'numberValue', value: NaN } } }), (error) => /INVALID|NOT_ALLOWED/.test(reasonOf(error) ?? ''));
  await assert.rejects(client.getSetting({ module, key: 'pauses' }), refused('SETTING_UNKNOWN', /it has greeting, pause, standingCacheMilliseconds/));
  await assert.rejects(client.getSetting({ module: 'mod-none', key: 'x' }), refused('SETTING_UNKNOWN', /modules with settings are .*sys-core/));
  await assert.rejects(client.updateSetting({ module, key: 'pause', orgId: acme, value: value(5) }), refused('SETTING_NOT_PER_ORG'));
  await assert.rejects(client.updateSetting({ module, key: 'pause' }), (error) => reasonOf(error) === 'kernel.INVALID_MESSAGE' || /value/.test(String(error)));
  assert.equal((await client.listSettingChanges({ module, key: 'pauses' })).changes.length, 0);
});

/** Others of the platform have settings, too. */
const ofTheseModules = ({ module: of }: { module: string }) => of === module || of === 'sys-core';

test('an administrator of an org sees and changes its own settings alone; others none', async () => {
  const admin = await service(olga);
  assert.deepEqual((await admin.listSettings({})).settings.filter(ofTheseModules).map(({ key, orgId }) => [key, orgId]), [['greeting', acme], ['standingCacheMilliseconds', acme]]);
  await assert.rejects(admin.updateSetting({ module, key: 'pause', value: value(5) }), refused('SETTING_NOT_PER_ORG'));
  await assert.rejects(admin.updateSetting({ module, key: 'greeting', orgId: umbrella, value: value('x') }), refused('ORG_NOT_FOUND'));
  await assert.rejects(admin.listSettingChanges({ orgId: umbrella }), refused('ORG_NOT_FOUND'));
  await admin.updateSetting({ module, key: 'greeting', value: value('from olga') });
  assert.deepEqual((await admin.listSettingChanges({ key: 'greeting', module })).changes.map(({ orgId, after }) => [orgId, json(after)]), [[acme, 'from olga']]);
  assert.equal((await admin.listSettingChanges({ filter: 'key = greeting', countTotal: true })).totalSize, 1, 'of those of other orgs none is counted');
  assert.equal((await (await service(root)).listSettings({})).settings.filter(ofTheseModules).length, 3);
  for (const person of [undefined, ada]) {
    for (const call of [() => service(person).then((client) => client.listSettings({})), () => service(person).then((client) => client.updateSetting({ module, key: 'greeting', value: value('x') }))]) {
      await assert.rejects(call, (error) => ['kernel.PERMISSION_DENIED', 'kernel.UNAUTHENTICATED'].includes(reasonOf(error)!));
    }
  }
});

test('settings are reached over REST', async () => {
  const path = `/v1/settings/${module}/greeting`;
  const body = { value: 'over REST', orgId: umbrella, reason: 'why not' };
  const updated = await deployment.fetch(path, { method: 'PATCH', as: root, body });
  assert.deepEqual(((await updated.json()) as { value: string }).value, 'over REST');
  assert.equal(((await (await deployment.fetch(`${path}?orgId=${umbrella}`, { as: root })).json()) as { value: string }).value, 'over REST');
  assert.equal(((await (await deployment.fetch(`${path}/changes?orgId=${umbrella}&pageSize=1`, { as: root })).json()) as { changes: { reason: string }[] }).changes[0]!.reason, 'why not');
  assert.equal((await deployment.fetch(`${path}:reset`, { as: root, body: { orgId: umbrella } })).status, 200);
});
