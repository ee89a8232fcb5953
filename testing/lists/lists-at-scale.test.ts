import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { DescMethod, DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type pg from 'pg';
import { reasonOf, type Module } from '@mainstay/kernel';
import { asAdministrator } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { SessionsService } from '@mainstay/sys-accounts/contract';
import { startDeployment, type TestDeployment } from '../index.ts';
import { idsNeeded, isList, listedIn, questionsOf } from './list-questions.ts';
import { recordStatements, tablesOf, type Sent } from './plans.ts';

const MANY = 100_000;
/** Most milliseconds to fill the tables on a machine that is busy with other tests. */
const FILLING = 400_000;
const operator = 'root@mainstay.test';
const people = ['ada@acme.test', operator];
const lists = (modules as readonly Module[]).flatMap((module) => (module.services ?? []).flatMap(({ service }) => service.methods.filter(isList).map((method) => ({ module, method }))));

let deployment: TestDeployment;
/** Ids that requests may name, by the name of their field. */
const ids: Record<string, string> = {};
let sizes: Map<string, number>;

before(async () => {
  deployment = await startDeployment();
  const { accountId, orgId } = await whoIs('ada@acme.test');
  Object.assign(ids, { org_id: orgId });
  await asAdministrator(deployment.database, async (client) => {
    await client.query(`select set_config('test.org', $1, false), set_config('test.account', $2, false), set_config('session_replication_role', 'replica', false)`, [orgId, accountId]);
    await withoutIndexes(client, async () => {
      for (const module of new Set(lists.map((list) => list.module))) {
        if (!module.database) continue;
        await client.query(`set search_path = ${module.name.replaceAll('-', '_')}; ${readFileSync(new URL('../many-rows.sql', module.database.migrations), 'utf8')}`);
      }
    });
    await client.query('vacuum analyze');
    const { rows } = await client.query<{ name: string; size: number }>('select relname as name, reltuples::int as size from pg_class where relkind = $1', ['r']);
    sizes = new Map(rows.map(({ name, size }) => [name, size]));
  });
}, { timeout: FILLING });

after(() => deployment.stop());

async function whoIs(email: string) {
  const { account, orgId } = await (await deployment.client(SessionsService)).createSession({ email, password: 'mainstay-demo' });
  return { accountId: account!.accountId, orgId };
}

// What needs the id of a resource comes after the list of that resource.
for (const { module, method } of lists.toSorted((one, other) => idsNeeded(one.method).length - idsNeeded(other.method).length)) {
  test(`${method.name} of ${module.name} reads no table of ${MANY} rows from end to end, however it is filtered and ordered`, async () => {
    const sent = new Map<string, Sent>();
    let answered = 0;
    for (const person of people) for (const question of questionsOf(method, ids)) answered += Number(await ask(method, question, person, sent));
    assert.ok(answered > 0, 'nobody may call it: add to `people` who may');
    const own = `${module.name.replaceAll('-', '_')}_`;
    await asAdministrator(deployment.database, async (client) => {
      for (const statement of sent.values()) {
        const { read, scanned } = await tablesOf(client, statement);
        for (const table of scanned) assert.ok((sizes.get(table) ?? 0) < MANY * 0.9, `${table} is scanned by: ${statement.text}\n${JSON.stringify(statement.values)}`);
        if (statement.text.includes('page_cursor')) for (const table of read) assert.ok(!table.startsWith(own) || (sizes.get(table) ?? 0) >= MANY * 0.9, `${table} has ${sizes.get(table)} rows only: let database/many-rows.sql of ${module.name} fill it`);
      }
    });
  });
}

/** Makes the indexes anew after the work, as PostgreSQL advises for filling a database (Populating a Database): it takes half as long. */
async function withoutIndexes(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
    from pg_index join pg_class on pg_class.oid = indrelid
    where relkind = 'r' and not relispartition and not indisprimary and relnamespace::regnamespace::text similar to '(mod|sys)_%'
      and not exists (select from pg_constraint where conindid = indexrelid)`);
  await client.query(indexes.map(({ name }) => `drop index ${name}`).join(';'));
  await work();
  await client.query(indexes.map(({ definition }) => definition).join(';'));
}

/** Whether the person may ask; keeps the statements that the answer takes, and the ids that it holds. */
async function ask(method: DescMethod, question: Message, person: string, into: Map<string, Sent>): Promise<boolean> {
  const transport = createGrpcTransport({ baseUrl: deployment.address });
  const header = { authorization: `Bearer ${await deployment.token(person)}` };
  const recording = recordStatements();
  const call = async (request: Message) => (await transport.unary(method as DescMethodUnary, undefined, undefined, header, request as never)).message as unknown as Record<string, unknown>;
  try {
    const { nextPageToken } = await call({ ...question, countTotal: true } as never);
    const pageToken = nextPageToken as string;
    if (pageToken) remember(method, await call({ ...question, pageToken, countTotal: true } as never));
  } catch (error) {
    if ([Code.PermissionDenied, Code.NotFound].includes(ConnectError.from(error).code)) return false;
    // Not every list has a place to look for words alone.
    if (reasonOf(error) === 'kernel.INVALID_FILTER' && (question as { filter?: string }).filter === 'unlikely') return false;
    throw error;
  } finally {
    recording.stop();
    // To count every row of the platform is to read it, so of operators' questions only the pages are looked at.
    const looked = recording.sent.filter(({ text }) => person !== operator || !text.startsWith('select count('));
    for (const one of looked) into.set(`${one.user} ${one.text} ${JSON.stringify(one.values)}`, one);
  }
  return true;
}

function remember(method: DescMethod, answer: Record<string, unknown>): void {
  const { localName, message } = listedIn(method);
  const [first] = answer[localName] as Record<string, string>[];
  const name = `${message.name.toLowerCase()}_id`;
  const id = first?.id ?? first?.[`${message.name[0]!.toLowerCase()}${message.name.slice(1)}Id`];
  if (id) ids[name] ??= id;
}
