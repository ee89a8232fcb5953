import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { ActingService, ApiKeysService, PersonalDataService } from '../../contract/index.ts';
import { Person } from '../../testing/people.ts';

everyTopology('a person gets one file of what is kept about them, without secrets', async (deployment) => {
  const person = await Person.in(deployment);
  await person.addTotp();
  const { secret: key } = await (await deployment.client(ApiKeysService, person.accessToken)).createApiKey({ name: 'my program' });
  const response = await deployment.fetch('/v1/accounts/me:export', { as: person.accessToken });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type')!, /^application\/json/);
  const text = await response.text();
  const data = JSON.parse(text) as Record<string, Record<string, unknown>[]>;
  assert.deepEqual([data.account![0]!.email, data.account![0]!.display_name], [person.email, 'Somebody']);
  assert.deepEqual(data.apiKeys!.map(({ name }) => name), ['my program']);
  assert.deepEqual(data.secondFactors!.map(({ kind }) => kind), ['TOTP']);
  assert.equal(data.sessions!.length, 1);
  const [, secret] = /^mst_[0-9a-f]{32}_(.+)$/.exec(key)!;
  for (const unwanted of [secret!, 'hash', 'argon2', 'sealed', 'secret_']) assert.ok(!text.includes(unwanted), unwanted);
});

everyTopology('nobody gets the data of another, nor does who acts on their behalf', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const read = async (accessToken: string, accountId: string) => {
    for await (const _ of (await deployment.client(PersonalDataService, accessToken)).exportPersonalData({ accountId })) return;
  };
  await assert.rejects(read(other.accessToken, person.accountId), (error) => reasonOf(error) === 'sys-accounts.ACCOUNT_NOT_FOUND');
  const { accessToken } = await (await deployment.client(ActingService, 'root@mainstay.test')).beginActing({ accountId: person.accountId, reason: 'a reason' });
  await assert.rejects(read(accessToken, 'me'), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');
});
