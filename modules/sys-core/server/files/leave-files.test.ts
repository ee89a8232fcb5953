import assert from 'node:assert/strict';
import { AccountsService, OrgsService, Role, SessionsService } from '@mainstay/sys-accounts/contract';
import { everyTopology, until } from '@mainstay/testing';
import { FilesService, Visibility } from '../../contract/index.ts';

const password = 'correct horse battery';
const olga = 'olga@acme.test';

everyTopology('a closed account takes its private files along and leaves the org those that it shared', async (deployment) => {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName: 'Somebody' });
  const { accessToken } = await (await deployment.client(SessionsService)).createSession({ email, password });
  const orgs = await deployment.client(OrgsService, olga);
  const { orgId } = (await orgs.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!;
  await orgs.addMember({ orgId, email, role: Role.USER });
  const [theirs, admin] = [await deployment.client(FilesService, accessToken), await deployment.client(FilesService, olga)];
  const inAcme = { headers: { 'mainstay-org': orgId } };
  const before = await admin.getQuota({});
  const upload = (name: string, visibility: Visibility) => theirs.uploadFile((async function* () { yield { name, visibility, content: { data: Buffer.from(name) } }; })(), inAcme);
  const [secret, shared] = [await upload('secret', Visibility.PRIVATE), await upload('shared', Visibility.ORG)];
  assert.equal((await admin.getFile({ fileId: secret.id })).name, 'secret');
  await (await deployment.client(AccountsService, accessToken)).closeAccount({ accountId: 'me', password });
  await until(async () => (await admin.getFile({ fileId: shared.id })).ownerAccountId === '', 'the shared file is nobody’s');
  await assert.rejects(admin.getFile({ fileId: secret.id }), /no file/);
  assert.equal((await admin.getQuota({})).usedBytes, before.usedBytes + 6n);
  await admin.deleteFile({ fileId: shared.id });
});
