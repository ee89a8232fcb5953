import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '@mainstay/kernel';
import { AccountsService, SessionsService } from '@mainstay/sys-accounts/contract';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { ListPromisesRequest_View as View, PromisesService } from '../contract/index.ts';

const password = 'correct horse battery';

/** Somebody new, signed in. */
async function newPerson(deployment: TestDeployment): Promise<{ token: string; accountId: string }> {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName: 'Somebody' });
  const { accessToken, account } = await (await deployment.client(SessionsService)).createSession({ email, password });
  return { token: accessToken, accountId: account!.accountId };
}

everyTopology('somebody new promises in their personal org, where nobody else looks', async (deployment) => {
  const { token } = await newPerson(deployment);
  const client = await deployment.client(PromisesService, token);
  const { id } = await client.createPromise({ promise: { title: 'To myself' } });
  assert.equal((await client.listPromises({ view: View.ALL })).promises.length, 1);
  await assert.rejects((await deployment.client(PromisesService, 'ada@acme.test')).getPromise({ promiseId: id }), (error) => reasonOf(error) === 'mod-promist.PROMISE_NOT_FOUND');
});

everyTopology('who is not signed in gets nothing', async (deployment) => {
  assert.equal((await deployment.fetch('/v1/promises')).status, 401);
  assert.equal((await deployment.fetch('/v1/promises', { body: { title: 'x' } })).status, 401);
});
