import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { reasonOf, type AuditEntry, type AuditLog, type Context } from '@mainstay/kernel';
import core from '@mainstay/sys-core';
import { OrgsService } from '@mainstay/sys-accounts/contract';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { AuditBreak_Kind as Kind, AuditService } from '../../contract/index.ts';
import { createAuditLog } from './audit-log.ts';

const root = 'root@mainstay.test';
const ops = 'ops@mainstay.test';
const ada = 'ada@acme.test';
const olga = 'olga@acme.test';

let deployment: TestDeployment;
let needs: Context;
let log: AuditLog;

before(async () => {
  // The guard is made with what the audit is made with. What the deployment itself records stays out of the way.
  const guard: typeof core.guard = (context, rules) => core.guard!((needs = context as Context) as never, rules);
  const audit = () => ({ append: async () => {} });
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null }, ownModules: [{ ...core, guard, audit }] });
  log = createAuditLog(needs);
});

after(() => deployment.stop());

const service = (as?: string) => deployment.client(AuditService, as);

const entry = (fields: Partial<AuditEntry> = {}): AuditEntry => ({
  id: randomUUID(),
  time: new Date(),
  module: 'mod-promist',
  method: 'mod.promist.v1.PromisesService/CreatePromise',
  outcome: 'OK',
  principalKind: 'account',
  principalId: '0192f0c1-0000-7000-8000-000000000001',
  traceId: 'a'.repeat(32),
  subjects: {},
  ...fields,
});

const entries = (count: number, fields: (index: number) => Partial<AuditEntry> = () => ({})) => Array.from({ length: count }, (_, index) => entry(fields(index)));

/** Where the newest head is noted. */
const noteFile = () => join(deployment.dataFolder, 'audit-head.json');

/** An empty audit with `count` entries, appended in batches of 100. */
async function freshChain(count: number): Promise<void> {
  await log.stop!();
  await deployment.sql('truncate sys_core.sys_core_audit_entries, sys_core.sys_core_audit_seals');
  rmSync(noteFile(), { recursive: true, force: true });
  log = createAuditLog(needs);
  const all = entries(count, (index) => ({ subjects: { promise_id: `p${index}` } }));
  for (let from = 0; from < count; from += 100) await log.append(all.slice(from, from + 100));
}

const verify = async (options: object = {}) => (await service(ops)).verifyAudit(options);

/** Changes the database as an administrator would, and gives what the check finds; the first place and what was done. */
async function foundAfter(...statements: string[]): Promise<[number, string]> {
  await freshChain(1000);
  assert.equal((await verify()).broken, undefined);
  for (const statement of statements) await deployment.sql(statement.replaceAll('entries', 'sys_core.sys_core_audit_entries').replaceAll('seals', 'sys_core.sys_core_audit_seals'));
  const { broken } = await verify();
  assert.ok(broken, 'nothing was found');
  assert.match(broken.explanation, /entr/);
  return [Number(broken.sequence), Kind[broken.kind]];
}

/** Makes a chain anew in SQL, hashes and all, from one entry on; `what` is its new outcome. */
const rewriteFrom = (from: number, what: string) => `
  do $$ declare e record; before bytea; begin
    select hash into before from entries where sequence = ${from} - 1;
    for e in select * from entries where sequence >= ${from} order by sequence loop
      if e.sequence = ${from} then e.outcome := '${what}'; end if;
      e.hash := sha256(before || convert_to(format('{"id":%s,"method":%s,"module":%s,"outcome":%s,"principalId":%s,"principalKind":%s,"subjects":{"promise_id":%s},"time":%s,"traceId":%s}',
        to_json(e.id), to_json(e.method), to_json(e.module), to_json(e.outcome), to_json(e.principal_id), to_json(e.principal_kind), e.subjects -> 'promise_id',
        to_json(to_char(e.time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), to_json(e.trace_id)), 'UTF8'));
      update entries set outcome = e.outcome, previous = before, hash = e.hash where sequence = e.sequence;
      before := e.hash;
    end loop;
  end $$`;

test('a chain of thousands of entries holds, as a whole and in parts', async () => {
  await freshChain(5000);
  const whole = await verify();
  assert.deepEqual([whole.checked, whole.complete, whole.broken, whole.head!.sequence], [5000n, true, undefined, 5000n]);
  let part = await verify({ maxEntries: 1999 });
  for (let parts = 1; !part.complete; parts++) {
    assert.deepEqual([part.checked, part.broken, part.head!.sequence], [1999n, undefined, BigInt(1999 * parts)]);
    part = await verify({ after: part.head, maxEntries: 1999 });
  }
  assert.deepEqual(part.head, whole.head);
});

test('an empty audit holds', async () => {
  await freshChain(0);
  assert.deepEqual(await verify().then(({ checked, complete, broken, head }) => [checked, complete, broken, head!.sequence, head!.hash]), [0n, true, undefined, 0n, '']);
});

test('whatever an administrator changes in the database is found and named', async () => {
  const changes = { outcome: "'kernel.PERMISSION_DENIED'", principal_id: 'null', actor_account_id: "'x'", org_id: 'uuidv7()', time: "time + interval '1 millisecond'", subjects: `'{"promise_id": "other"}'`, hash: 'sha256(hash)', previous: 'sha256(hash)', trace_id: "''", method: "'m'", module: "'m'", client_address: "'::1'", session_id: "'s'", caller_module: "'m'", id: 'uuidv7()', principal_kind: "'module'" };
  await freshChain(1000);
  for (const [column, value] of Object.entries(changes)) {
    await deployment.sql(`create table before as select * from sys_core.sys_core_audit_entries where sequence = 437; update sys_core.sys_core_audit_entries set ${column} = ${value} where sequence = 437`);
    const { broken } = await verify();
    assert.deepEqual([broken?.sequence, broken?.kind], [437n, Kind.CHANGED], column);
    await deployment.sql(`delete from sys_core.sys_core_audit_entries where sequence = 437; insert into sys_core.sys_core_audit_entries select * from before; drop table before`);
  }
  assert.equal((await verify()).broken, undefined);
});

test('removed entries are found, also where the gap was closed', async () => {
  assert.deepEqual(await foundAfter('delete from entries where sequence = 1'), [1, 'MISSING']);
  assert.deepEqual(await foundAfter('delete from entries where sequence between 300 and 320'), [300, 'MISSING']);
  assert.deepEqual(await foundAfter('delete from entries where sequence = 300', 'update entries set sequence = sequence + 9999 where sequence > 300', 'update entries set sequence = sequence - 10000 where sequence > 10000'), [300, 'MISSING']);
});

test('entries in another order are found', async () => {
  const swap = (one: number, other: number) => [`update entries set sequence = 99999 where sequence = ${one}`, `update entries set sequence = ${one} where sequence = ${other}`, `update entries set sequence = ${other} where sequence = 99999`];
  assert.deepEqual(await foundAfter(...swap(500, 501)), [500, 'REORDERED']);
  assert.deepEqual(await foundAfter(...swap(1, 700)), [1, 'REORDERED']);
});

test('an entry that was put in is found', async () => {
  const forged = (hash: string) => `insert into entries select 550, uuidv7(), time, module, method, outcome, principal_kind, principal_id, actor_account_id, org_id, session_id, caller_module, client_address, trace_id, subjects, previous, ${hash} from entries where sequence = 551`;
  const makeRoom = ['update entries set sequence = sequence + 10001 where sequence >= 550', 'update entries set sequence = sequence - 10000 where sequence > 10000'];
  assert.deepEqual(await foundAfter(...makeRoom, forged('hash')), [550, 'CHANGED']);
  // With a hash that fits what it says.
  assert.deepEqual(await foundAfter(...makeRoom, forged('hash'), rewriteFrom(550, 'OK').replace('where sequence >= 550', 'where sequence = 550')), [550, 'INSERTED']);
});

test('a chain that was made anew is found, since nobody can make its seals', async () => {
  assert.deepEqual(await foundAfter(rewriteFrom(450, 'forged')), [500, 'REWRITTEN']);
  assert.deepEqual(await foundAfter(rewriteFrom(450, 'forged'), 'delete from seals where sequence >= 450'), [401, 'REWRITTEN']);
  assert.deepEqual(await foundAfter(rewriteFrom(450, 'forged'), 'update seals as kept set hash = e.hash from entries as e where e.sequence = kept.sequence'), [500, 'SEAL_FORGED']);
});

test('an end that was cut off is found by the seals, and with its seals by the head that was noted', async () => {
  assert.deepEqual(await foundAfter('delete from entries where sequence > 990'), [991, 'TRUNCATED']);
  await freshChain(1000);
  const { head } = await verify();
  await deployment.sql('delete from sys_core.sys_core_audit_entries where sequence > 800; delete from sys_core.sys_core_audit_seals where sequence > 800');
  assert.equal((await verify({ after: head })).broken?.kind, Kind.TRUNCATED);
  await log.append(entries(300));
  assert.equal((await verify({ after: head })).broken?.kind, Kind.REWRITTEN);
});

/** Removes the entries behind this one, and their seals, as an administrator of the database. */
const cutOff = (behind: number) => deployment.sql(`delete from sys_core.sys_core_audit_entries where sequence > ${behind}; delete from sys_core.sys_core_audit_seals where sequence > ${behind}`);

const foundNow = async () => {
  const { broken, endNotCompared } = await verify();
  assert.equal(endNotCompared, '');
  return [Number(broken?.sequence), broken && Kind[broken.kind], broken?.explanation.replace(/^.*: /, '')];
};

const regrown = 'it was rewritten, or it and those after it are missing and others were appended since';

test('an end that was cut off with its seals is found by the head in the data folder, whatever is appended since', async () => {
  await freshChain(1000);
  await log.append(entries(1));
  await log.stop!();
  assert.deepEqual(await foundNow(), [NaN, undefined, undefined]);
  await cutOff(1000);
  assert.deepEqual(await foundNow(), [1001, 'TRUNCATED', 'the entries after 1000 are missing']);
  for (let round = 0; round < 3; round++) {
    await log.append(entries(200));
    await log.stop!();
    assert.deepEqual(await foundNow(), [1001, 'REWRITTEN', regrown]);
    // As after a restart.
    log = createAuditLog(needs);
  }
});

test('an audit of which nothing is left is found by the head in the data folder', async () => {
  await freshChain(100);
  await deployment.sql('truncate sys_core.sys_core_audit_entries, sys_core.sys_core_audit_seals');
  assert.deepEqual(await foundNow(), [1, 'TRUNCATED', 'all entries are missing']);
  await log.append(entries(5));
  assert.deepEqual(await foundNow(), [6, 'TRUNCATED', 'the entries after 5 are missing']);
});

test('a head that was cut off before it was noted is missed at the next append', async () => {
  await freshChain(100);
  await log.append(entries(1));
  assert.equal((JSON.parse(readFileSync(noteFile(), 'utf8')) as { sequence: number }).sequence, 100);
  await cutOff(100);
  await log.append(entries(2));
  assert.deepEqual(await foundNow(), [101, 'REWRITTEN', regrown]);
});

test('of processes that share a data folder none hides what another noted', async () => {
  await freshChain(10);
  const other = createAuditLog(needs);
  await other.append(entries(9));
  await other.append(entries(1));
  await other.stop!();
  await log.stop!();
  await cutOff(19);
  await log.append(entries(5));
  await log.stop!();
  assert.deepEqual(await foundNow(), [20, 'REWRITTEN', regrown]);
});

test('where no head was noted for this database the check says so, and holds', async () => {
  await freshChain(100);
  const whole = readFileSync(noteFile(), 'utf8');
  const notCompared = async (why: RegExp, asked = {}) => {
    const { broken, endNotCompared } = await verify(asked);
    assert.equal(broken, undefined);
    assert.match(endNotCompared, why);
  };
  for (const other of ['', '{}', whole.slice(0, -9), whole.replace('100', '101'), whole.replace(/"mac":"[^"]*"/, `"mac":"${'0'.repeat(64)}"`)]) {
    writeFileSync(noteFile(), other);
    await notCompared(/was not noted for this database/);
  }
  rmSync(noteFile());
  await notCompared(/no head was noted yet/);
  await notCompared(/^$/, { maxEntries: 50 });
});

test('a head that can not be noted keeps nothing from being appended', async () => {
  await freshChain(0);
  mkdirSync(noteFile());
  await log.append(entries(10));
  await log.stop!();
  const { checked, broken, endNotCompared } = await verify();
  assert.deepEqual([checked, broken], [10n, undefined]);
  assert.match(endNotCompared, /can not be read/);
  rmSync(noteFile(), { recursive: true });
  await log.append(entries(10));
  await log.stop!();
  assert.equal((await verify()).endNotCompared, '');
});

test('entries that are handed over again are kept once', async () => {
  await freshChain(0);
  const batch = entries(300);
  await log.append(batch);
  await log.append(batch);
  await log.append([...batch.slice(200), ...entries(10), batch[0]!]);
  await log.append([]);
  assert.deepEqual(await verify().then(({ checked, broken }) => [checked, broken]), [310n, undefined]);
});

test('many who append at once make one chain without gaps', async () => {
  await freshChain(0);
  const shared = entries(50);
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let batch = 0; batch < 10; batch++) await log.append([...entries(20), ...shared]);
  }));
  assert.deepEqual(await verify().then(({ checked, broken }) => [checked, broken]), [8n * 10n * 20n + 50n, undefined]);
});

test('a batch that could not be finished leaves nothing behind, and is kept whole when it comes again', async () => {
  await freshChain(100);
  const batch = entries(200);
  const refused = { ...batch[199]!, principalKind: 'nobody' as never };
  await assert.rejects(log.append([...batch.slice(0, 199), refused]));
  assert.equal((await verify()).checked, 100n);
  await log.append(batch);
  assert.deepEqual(await verify().then(({ checked, broken }) => [checked, broken]), [300n, undefined]);
});

test('an append whose connection dies is whole or nothing', async () => {
  await freshChain(100);
  const batch = entries(2000, () => ({ subjects: { text: 'x'.repeat(500) } }));
  for (let round = 0; round < 5; round++) {
    const killing = (async () => {
      for (let kill = 0; kill < 5; kill++) await deployment.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename like current_database() || '.sys%core%' and query ilike '%audit%'");
    })();
    await log.append(batch).catch(() => {});
    await killing;
    const { checked, broken } = await verify();
    assert.deepEqual([broken, checked === 100n || checked === 2100n], [undefined, true]);
  }
  await log.append(batch);
  assert.equal((await verify()).checked, 2100n);
});

test('the platform at run time adds and reads, and can change nothing', async () => {
  await freshChain(10);
  for (const statement of ["update sys_core_audit_entries set outcome = 'x'", 'delete from sys_core_audit_entries', 'truncate sys_core_audit_entries', 'update sys_core_audit_seals set sequence = 1', 'delete from sys_core_audit_seals', 'alter table sys_core_audit_entries disable row level security'])
    for (const role of ['sys_core', 'sys_core.all_orgs']) {
      const [{ name } = { name: '' }] = await deployment.sql<{ name: string }>(`select ${role === 'sys_core' ? 'login' : 'all_orgs'} as name from mainstay.modules where module = 'sys-core'`);
      await assert.rejects(deployment.sql(`set role "${name}"; set search_path = sys_core; ${statement}`), /permission denied|must be owner/);
    }
  assert.equal((await verify()).checked, 10n);
});

test('a list narrows by everything that is asked, and its pages hold every entry once, the newest first', async () => {
  await freshChain(0);
  const account = randomUUID();
  const actor = randomUUID();
  const subject = randomUUID();
  await log.append(entries(250, (index) => ({
    time: new Date(Date.UTC(2026, 0, 1) + Math.floor(index / 2)),
    outcome: index % 5 === 0 ? 'kernel.PERMISSION_DENIED' : 'OK',
    ...(index % 2 === 0 && { principalId: account }),
    ...(index % 10 === 0 && { actorAccountId: actor, subjects: { promise_id: subject }, traceId: 'b'.repeat(32) }),
    ...(index % 25 === 0 && { module: 'sys-accounts', method: 'sys.accounts.v1.SessionsService/Login' }),
  })));
  const client = await service(root);
  const all = async (asked: object) => {
    const found: number[] = [];
    for (let pageToken = ''; ; ) {
      const page = await client.listAuditEntries({ ...asked, pageSize: 7, pageToken });
      found.push(...page.entries.map(({ sequence }) => Number(sequence)));
      if (!(pageToken = page.nextPageToken)) return found;
    }
  };
  const expected = (fits: (index: number) => boolean) => Array.from({ length: 250 }, (_, index) => index).filter(fits).map((index) => index + 1).reverse();
  assert.deepEqual(await all({}), expected(() => true));
  assert.deepEqual(await all({ accountId: account }), expected((index) => index % 2 === 0));
  assert.deepEqual(await all({ actorAccountId: actor }), expected((index) => index % 10 === 0));
  assert.deepEqual(await all({ subjectId: subject }), expected((index) => index % 10 === 0));
  assert.deepEqual(await all({ traceId: 'b'.repeat(32) }), expected((index) => index % 10 === 0));
  assert.deepEqual(await all({ module: 'sys-accounts' }), expected((index) => index % 25 === 0));
  assert.deepEqual(await all({ method: 'sys.accounts.v1.SessionsService/Login', accountId: account }), expected((index) => index % 50 === 0));
  assert.deepEqual(await all({ failed: true }), expected((index) => index % 5 === 0));
  assert.deepEqual(await all({ outcome: 'OK' }), expected((index) => index % 5 !== 0));
  const at = (milliseconds: number) => ({ seconds: BigInt(Date.UTC(2026, 0, 1) / 1000), nanos: milliseconds * 1_000_000 });
  assert.deepEqual(await all({ startTime: at(10), endTime: at(20) }), expected((index) => index >= 20 && index < 40));
  assert.deepEqual(await all({ startTime: { ...at(10), nanos: 10_000_001 }, endTime: { ...at(20), nanos: 20_000_001 } }), expected((index) => index >= 22 && index < 42));
});

test('entries are found by a filter, ordered and counted', async () => {
  await freshChain(0);
  const { orgs } = await (await deployment.client(OrgsService, olga)).listOrgs({});
  const { orgId } = orgs.find(({ name }) => /acme/i.test(name))!;
  const [account, actor] = [randomUUID(), randomUUID()];
  await log.append(entries(60, (index) => ({
    time: new Date(Date.UTC(2026, 0, 1) + index),
    ...(index % 2 === 0 && { principalId: account }),
    // A module of that name is no account.
    ...(index % 20 === 0 && { principalKind: 'module' as const }),
    ...(index % 3 === 0 && { actorAccountId: actor, orgId }),
    ...(index % 4 === 0 && { outcome: 'kernel.PERMISSION_DENIED', clientAddress: '192.0.2.7' }),
    ...(index % 5 === 0 && { module: 'sys-accounts', method: 'sys.accounts.v1.SessionsService/Login', traceId: 'c'.repeat(32) }),
  })));
  const found = async (filter: string, orderBy = '', as = root) => {
    const client = await service(as);
    const sequences: number[] = [];
    for (let pageToken = ''; ; ) {
      const page = await client.listAuditEntries({ filter, orderBy, countTotal: true, pageSize: 7, pageToken });
      sequences.push(...page.entries.map(({ sequence }) => Number(sequence)));
      if (!(pageToken = page.nextPageToken)) {
        assert.equal(page.totalSize, sequences.length, filter);
        return sequences;
      }
    }
  };
  const expected = (fits: (index: number) => boolean) => Array.from({ length: 60 }, (_, index) => index).filter(fits).map((index) => index + 1).reverse();
  const even = (index: number) => index % 2 === 0 && index % 20 !== 0;
  assert.deepEqual(await found(''), expected(() => true));
  assert.deepEqual(await found('', 'time'), expected(() => true).reverse());
  assert.deepEqual(await found(`account_id = ${account}`), expected(even));
  assert.deepEqual(await found(`account_id:* AND NOT account_id = ${account}`), expected((index) => index % 2 !== 0));
  assert.deepEqual(await found(`actor_account_id = ${actor} AND client_address = "192.0.2.7"`), expected((index) => index % 12 === 0));
  assert.deepEqual(await found('outcome != OK AND module = sys-accounts'), expected((index) => index % 20 === 0));
  assert.deepEqual(await found('method:Login OR outcome = "kernel.*"'), expected((index) => index % 5 === 0 || index % 4 === 0));
  assert.deepEqual(await found(`org_id = ${orgId} trace_id = ${'c'.repeat(32)}`), expected((index) => index % 15 === 0));
  assert.deepEqual(await found('time >= 2026-01-01T00:00:00.010Z AND time < 2026-01-01T00:00:00.020Z', 'time'), expected((index) => index >= 10 && index < 20).reverse());
  assert.deepEqual(await found('client_address = "192.0.2.7"', '', olga), expected((index) => index % 12 === 0), 'of the own org alone');
  assert.deepEqual(await found(`org_id = ${randomUUID()} OR outcome = OK`, '', olga), expected((index) => index % 3 === 0 && index % 4 !== 0));
  const client = await service(root);
  await assert.rejects(client.listAuditEntries({ filter: 'hash = x' }), (error) => reasonOf(error) === 'kernel.INVALID_FILTER');
  await assert.rejects(client.listAuditEntries({ orderBy: 'method' }), (error) => reasonOf(error) === 'kernel.INVALID_ORDER');
  const { nextPageToken: pageToken } = await client.listAuditEntries({ filter: 'outcome = OK', pageSize: 1 });
  await assert.rejects(client.listAuditEntries({ filter: 'outcome != OK', pageSize: 1, pageToken }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
  assert.deepEqual((await client.listAuditEntries({ filter: 'outcome = OK', module: 'sys-accounts', failed: true })).entries, [], 'the other fields hold too');
});

test('a page goes on where it was while entries are added', async () => {
  await freshChain(20);
  const client = await service(root);
  const first = await client.listAuditEntries({ pageSize: 10 });
  await log.append(entries(10));
  const second = await client.listAuditEntries({ pageSize: 10, pageToken: first.nextPageToken });
  assert.deepEqual([...first.entries, ...second.entries].map(({ sequence }) => Number(sequence)), Array.from({ length: 20 }, (_, index) => 20 - index));
  await assert.rejects(client.listAuditEntries({ pageToken: first.nextPageToken, failed: true }), (error) => reasonOf(error) === 'kernel.BAD_PAGE_TOKEN');
});

test('an administrator of an org sees what was done in it and nothing else; users and maintenance see nothing', async () => {
  await freshChain(0);
  const { orgs } = await (await deployment.client(OrgsService, olga)).listOrgs({});
  const { orgId } = orgs.find(({ name }) => /acme/i.test(name))!;
  const [own, other, none] = [entry({ orgId }), entry({ orgId: randomUUID() }), entry({})];
  await log.append([own, other, none]);
  const admin = await service(olga);
  const ids = (answer: { entries: { entryId: string }[] }) => answer.entries.map(({ entryId }) => entryId);
  assert.deepEqual(ids(await admin.listAuditEntries({})), [own.id]);
  assert.deepEqual(ids(await admin.listAuditEntries({ orgId })), [own.id]);
  await assert.rejects(admin.listAuditEntries({ orgId: other.orgId! }), (error) => reasonOf(error) === 'sys-core.ORG_NOT_FOUND');
  assert.equal((await admin.getAuditEntry({ entryId: own.id })).sequence, 1n);
  for (const { id } of [other, none]) await assert.rejects(admin.getAuditEntry({ entryId: id }), (error) => reasonOf(error) === 'sys-core.AUDIT_ENTRY_NOT_FOUND');
  await assert.rejects(admin.verifyAudit({}), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');

  assert.deepEqual(ids(await (await service(root)).listAuditEntries({})).sort(), [own.id, other.id, none.id].sort());
  assert.deepEqual(ids(await (await service(root)).listAuditEntries({ orgId: other.orgId! })), [other.id]);
  // Maintenance is an administrator of its own org, as everyone is, and sees no more than that.
  assert.deepEqual(ids(await (await service(ops)).listAuditEntries({})), []);
  await assert.rejects((await service(ops)).listAuditEntries({ orgId }), (error) => reasonOf(error) === 'sys-core.ORG_NOT_FOUND');
  await assert.rejects((await service(ops)).getAuditEntry({ entryId: own.id }), (error) => reasonOf(error) === 'sys-core.AUDIT_ENTRY_NOT_FOUND');
  for (const person of [undefined, ada]) {
    const reason = person ? 'kernel.PERMISSION_DENIED' : 'kernel.UNAUTHENTICATED';
    await assert.rejects((await service(person)).listAuditEntries({}), (error) => reasonOf(error) === reason);
    await assert.rejects((await service(person)).getAuditEntry({ entryId: own.id }), (error) => reasonOf(error) === reason);
  }
});
