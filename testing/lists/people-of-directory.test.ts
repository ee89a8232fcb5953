import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { asAdministrator } from '@mainstay/kernel/testing';
import { startDeployment, type TestDeployment } from '../index.ts';
import { recordStatements, tablesOf, type Sent } from './plans.ts';

const MANY = 100_000;
const olga = 'olga@acme.test';

/** What directories ask, of `member` among others. */
const questions = (member: string): Record<string, string> => ({
  'all people': '/Users',
  'a later page': '/Users?startIndex=400&count=50',
  'one person': `/Users/${member}`,
  'a userName': '/Users?filter=userName%20eq%20%22person200%40many.test%22',
  'a userName that nobody has': '/Users?filter=userName%20eq%20%22nobody%40many.test%22',
  'an externalId': '/Users?filter=externalId%20eq%20%22external%20200%22',
  'an id': `/Users?filter=id%20eq%20%22${member}%22`,
  'an address': '/Users?filter=emails.value%20eq%20%22person200%40many.test%22',
  'a part of a name': '/Users?filter=displayName%20co%20%22200%22',
  'an order': '/Users?sortBy=userName&sortOrder=descending',
  'those who are not active': '/Users?filter=active%20eq%20false',
  'those in a group': '/Users?filter=groups.display%20sw%20%22Group%22',
  'all groups': '/Groups',
  'a group of a name': '/Groups?filter=displayName%20eq%20%22Group%20200%22&excludedAttributes=members',
  'groups of somebody': `/Groups?filter=members.value%20eq%20%22${member}%22`,
});

test(`no question of a directory reads a table of ${MANY} rows from end to end`, async () => {
  const deployment = await startDeployment();
  try {
    for (const [what, path] of Object.entries(questions(await fill(deployment)))) {
      const statements = await statementsOf(deployment, path);
      assert.ok(statements.length > 0, what);
      await asAdministrator(deployment.database, async (client) => {
        for (const statement of statements) {
          const { scanned } = await tablesOf(client, statement);
          const { rows } = await client.query<{ size: number }>('select reltuples::int as size from pg_class where relname = any($1)', [[...scanned]]);
          assert.ok(rows.every(({ size }) => size < MANY * 0.9), `${what}: ${[...scanned].join(', ')} is scanned by ${statement.text}`);
        }
      });
    }
  } finally {
    await deployment.stop();
  }
});

/** Fills the tables; gives the id of one of the many who is a member of the org. */
async function fill(deployment: TestDeployment): Promise<string> {
  const { orgId, account } = await (await deployment.fetch('/v1/sessions', { body: { email: olga, password: 'mainstay-demo' } })).json() as { orgId: string; account: { accountId: string } };
  return asAdministrator(deployment.database, async (client) => {
    await client.query(`select set_config('test.org', $1, false), set_config('test.account', $2, false), set_config('session_replication_role', 'replica', false)`, [orgId, account.accountId]);
    await client.query(`set search_path = sys_accounts; ${readFileSync(new URL('../../modules/sys-accounts/database/many-rows.sql', import.meta.url), 'utf8')}`);
    await client.query('vacuum analyze');
    return (await client.query<{ id: string }>(`select md5('account200')::uuid::text as id`)).rows[0]!.id;
  });
}

/** What a question has the database do. */
async function statementsOf(deployment: TestDeployment, path: string): Promise<Sent[]> {
  const recording = recordStatements();
  try {
    const response = await deployment.fetch(`/scim/v2${path}`, { as: olga });
    assert.equal(response.status, 200, `${path}: ${await response.text()}`);
  } finally {
    recording.stop();
  }
  return recording.sent.filter(({ text }) => text.includes('sys_accounts_directory_'));
}
