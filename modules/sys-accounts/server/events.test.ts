import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { defineModule, on } from '@mainstay/kernel';
import { startDeployment, until } from '@mainstay/testing';
import { z } from 'zod';
import { AccountClosedSchema, AccountLockedSchema, AccountRegisteredSchema, AccountsService, AccountUnlockedSchema, MembershipChangedSchema, OrgsService, Role } from '../contract/index.ts';

const noMigrations = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
after(() => rmdirSync(noMigrations));

const heard: string[] = [];
const hear = (what: string, accountId: string) => void heard.push(`${what} ${accountId}`);

/** A module that hears what happens to accounts. */
const listener = defineModule({
  name: 'mod-listener',
  config: z.strictObject({}),
  requires: { accounts: AccountsService },
  database: { migrations: pathToFileURL(noMigrations) },
  events: [
    on(AccountRegisteredSchema, async (_: unknown, { accountId }) => hear('registered', accountId)),
    on(AccountLockedSchema, async (_: unknown, { accountId, reason }) => hear(`locked (${reason})`, accountId)),
    on(AccountUnlockedSchema, async (_: unknown, { accountId }) => hear('unlocked', accountId)),
    on(AccountClosedSchema, async (_: unknown, { accountId, orgIds }) => hear(`closed in ${orgIds.length} orgs`, accountId)),
    on(MembershipChangedSchema, async (_: unknown, { accountId, roles }) => hear(`member as ${roles.map(({ role }) => Role[role]).join() || 'nothing'}`, accountId)),
  ],
});

test('other modules hear of what happens to an account, in order', async () => {
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-listener': null }, ownModules: [listener] });
  try {
    const email = `${crypto.randomUUID()}@example.org`;
    const password = 'correct horse battery';
    const { accountId } = await (await deployment.client(AccountsService)).registerAccount({ email, password });
    const [accounts, orgs] = [await deployment.client(AccountsService, 'root@mainstay.test'), await deployment.client(OrgsService, 'root@mainstay.test')];
    const { orgId } = await orgs.createOrg({ org: { name: 'Events' } });
    await orgs.addMember({ orgId, email, role: Role.USER });
    await orgs.removeMember({ orgId, accountId });
    await accounts.lockAccount({ accountId, reason: 'a reason' });
    await accounts.unlockAccount({ accountId });
    const session = await deployment.fetch('/v1/sessions', { body: { email, password } });
    const { accessToken } = (await session.json()) as { accessToken: string };
    await (await deployment.client(AccountsService, accessToken)).closeAccount({ accountId: 'me', password });
    const expected = ['registered', 'member as USER', 'member as nothing', 'locked (a reason)', 'unlocked', 'closed in 1 orgs'].map((what) => `${what} ${accountId}`);
    const own = () => heard.filter((line) => line.endsWith(accountId));
    await until(() => own().length >= expected.length, () => `all is heard; so far: ${own().join()}`);
    assert.deepEqual(own(), expected);
  } finally {
    await deployment.stop();
  }
});
