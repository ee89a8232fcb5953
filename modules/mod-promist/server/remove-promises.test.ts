import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { AccountsService, OrgsService, Role, SessionsService } from '@mainstay/sys-accounts/contract';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, PromisesService } from '../contract/index.ts';

const password = 'correct horse battery';

/** Somebody new, signed in. */
async function newPerson(deployment: TestDeployment): Promise<{ token: string; accountId: string; email: string }> {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName: 'Somebody' });
  const { accessToken, account } = await (await deployment.client(SessionsService)).createSession({ email, password });
  return { token: accessToken, accountId: account!.accountId, email };
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

everyTopology('what a person had here goes with their account, in every org, and promises to them keep only that', async (deployment) => {
  const leaver = await newPerson(deployment);
  const orgs = await deployment.client(OrgsService, 'olga@acme.test');
  const { orgId } = (await orgs.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!;
  await orgs.addMember({ orgId, email: leaver.email, role: Role.USER });
  const inAcme = { headers: { 'mainstay-org': orgId } };
  const [theirs, ada] = [await deployment.client(PromisesService, leaver.token), await deployment.client(PromisesService, 'ada@acme.test')];
  const { id } = await theirs.createPromise({ promise: { title: 'Mine', promisee: { who: { case: 'email', value: 'ada@acme.test' } } } }, inAcme);
  assert.equal((await ada.getPromise({ promiseId: id })).title, 'Mine');
  const toThem = await ada.createPromise({ promise: { title: 'Yours', promisee: { who: { case: 'accountId', value: leaver.accountId } } } });
  await ada.sharePromise({ promiseId: toThem.id, account: leaver.accountId });
  await (await deployment.client(AccountsService, leaver.token)).closeAccount({ accountId: 'me', password });
  const toMe = async () => (await ada.listPromises({ view: View.TO_ME, shelf: Shelf.BOTH })).promises;
  await until(async () => !(await toMe()).some((promise) => promise.id === id), 'the promise is gone');
  await assert.rejects(ada.getPromise({ promiseId: id }), (error) => reasonOf(error) === 'mod-promist.PROMISE_NOT_FOUND');
  const left = await ada.getPromise({ promiseId: toThem.id });
  assert.deepEqual([left.promisee?.who.case, left.promisee?.displayName, left.shares.length], ['name', 'a closed account', 0]);
});
