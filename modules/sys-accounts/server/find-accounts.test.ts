import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bootstrapFrom, defineModule, reasonOf, runInOrg, type Context } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { z } from 'zod';
import { AccountsService, OrgsService } from '../contract/index.ts';

const requires = { accounts: AccountsService, orgs: OrgsService };

const noMigrations = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
after(() => rmdirSync(noMigrations));

/** A module that, when it starts, uses what this one offers to other modules. */
const asker = (ask: (needs: Context<typeof requires>) => Promise<void>) =>
  defineModule({
    name: 'mod-asker',
    config: z.strictObject({}),
    requires,
    database: {
      migrations: pathToFileURL(noMigrations),
      bootstrap: bootstrapFrom(new URL('../database/bootstrap.yaml', import.meta.url), z.unknown(), (needs: Context<typeof requires>) => ask(needs)),
    },
  });

test('a module finds the members of the org it acts in by address and by id, and nobody else', async () => {
  let asked = false;
  const ask = async ({ accounts, orgs }: Context<typeof requires>) => {
    const acme = (await orgs.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!;
    await runInOrg(acme.orgId, async () => {
      const { accounts: found } = await accounts.findAccounts({ emails: ['ADA@acme.test', 'eve@umbrella.test', 'nobody@acme.test'] });
      assert.deepEqual(found.map(({ displayName, timeZone }) => [displayName, timeZone]), [['Ada', 'UTC']]);
      const again = await accounts.findAccounts({ accountIds: [found[0]!.accountId, crypto.randomUUID()] });
      assert.deepEqual(again.accounts, found);
      assert.deepEqual((await accounts.findAccounts({})).accounts, []);
      asked = true;
    });
    await assert.rejects(accounts.findAccounts({ emails: ['ada@acme.test'] }), (error) => reasonOf(error) === 'sys-accounts.NO_ORG');
  };
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-asker': null }, ownModules: [asker(ask)] });
  await deployment.stop();
  assert.ok(asked);
});
