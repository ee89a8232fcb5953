import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService } from '@mainstay/sys-accounts/contract';
import { FilesService } from '@mainstay/sys-core/contract';
import { everyTopology } from './index.ts';

const eve = 'eve@umbrella.test';

everyTopology('whoever has thousands of roles calls, sends and receives streams as anybody does', async (deployment) => {
  const roles = 3500;
  await deployment.sqlOf('sys-accounts', `
    with org as (select id from sys_accounts.sys_accounts_orgs where name = 'Umbrella' and not personal),
         projects as (insert into sys_accounts.sys_accounts_projects (id, owner_org, name) select gen_random_uuid(), org.id, 'number ' || number from org, generate_series(1, $1::int) as number returning id, owner_org)
    insert into sys_accounts.sys_accounts_role_grants (account_id, role, scope_org, scope_project) select accounts.id, 'USER', owner_org, projects.id from projects, sys_accounts.sys_accounts_accounts as accounts where email = $2`, [roles, eve]);
  const account = await (await deployment.client(AccountsService, eve)).getAccount({ accountId: 'me' });
  assert.ok(account.roles.length > roles);
  const promises = await deployment.client(PromisesService, eve);
  // Small, and too large to share a connection with others.
  await promises.createPromise({ promise: { title: 'of many roles' } });
  const { promises: made } = await promises.batchCreatePromises({ requests: Array.from({ length: 20 }, () => ({ promise: { title: 'of many roles', description: 'x'.repeat(5000) } })) });
  assert.equal(made.length, 20);
  assert.ok((await Array.fromAsync(promises.exportPromises({}))).length > 0);
  const content = randomBytes(100_000);
  const files = await deployment.client(FilesService, eve);
  const { size } = await files.uploadFile((async function* () {
    yield { name: 'roles' };
    yield { content: { data: content } };
  })());
  assert.equal(size, 100_000n);
}, { alone: 'many roles' });
