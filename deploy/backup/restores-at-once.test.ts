import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { testDatabase } from '@mainstay/kernel/testing';
import { specimenDeployment } from '../testing/specimen-backup.ts';
import { restore } from './restore.ts';
import { withSpareDatabase } from './spare-database.ts';

test('of two restores at once to one place of a server of others one is refused', async (t) => {
  const specimen = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key)');
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  const { adminUrl, name, drop } = await testDatabase();
  t.after(drop);
  Object.assign(process.env, { MAINSTAY_HOME: join(specimen.folder, 'home'), DATABASE_URL: adminUrl.replace(/\/[^/?]*(?=\?|$)/, `/${name}`) });
  const steps = { step: <T>(_: string, work: (say: (detail: string) => void) => Promise<T>) => work(() => {}), line() {} };
  const restored = await Promise.allSettled([1, 2].map(() => restore({ file, passphrase: () => assert.fail(), modules: [specimen.module] }, steps)));
  assert.deepEqual(restored.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const { reason } = restored.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  assert.match(String(reason), /the database .* in DATABASE_URL is not empty/);
});

test('a database that was empty is not dropped for a restored one if it was filled meanwhile', async (t) => {
  const { adminUrl, name, drop } = await testDatabase();
  t.after(drop);
  const url = adminUrl.replace(/\/[^/?]*(?=\?|$)/, `/${name}`);
  await withClient(connectionConfig(adminUrl, { database: 'postgres' }), (client) => client.query(`create database ${name}`));
  const fillBoth = async (_: string, spare: string) => {
    await withClient(connectionConfig(adminUrl, { database: 'postgres' }), (client) => client.query(`create database ${spare}`));
    await withClient(connectionConfig(url), (client) => client.query('create table of_somebody (id int); insert into of_somebody values (1)'));
    return [];
  };
  await assert.rejects(withSpareDatabase(url, false, fillBoth), new RegExp(`the database ${name} in DATABASE_URL is not empty`));
  assert.equal((await withClient(connectionConfig(url), (client) => client.query('select from of_somebody'))).rowCount, 1);
});
