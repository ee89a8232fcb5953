import assert from 'node:assert/strict';
import { connect, constants } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeEnvelope } from '@connectrpc/connect/protocol';
import { reasonOf } from '@mainstay/kernel';
import { ClerkService, LedgerService, until } from '@mainstay/kernel/testing';
import { SessionsService } from '@mainstay/sys-accounts/contract';
import { FilesService } from '@mainstay/sys-core/contract';
import { everyTopology, type TestDeployment } from './index.ts';

const options = { moduleFiles: [import.meta.resolve('./ledger/ledger-modules.ts')], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-ledger': null, 'mod-clerk': null } };
const fact = (name: string, run: (deployment: TestDeployment) => Promise<void>) => everyTopology(name, run, options);

const ada = 'ada@acme.test';
const ben = 'ben@acme.test';
const isReason = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });
const count = async (deployment: TestDeployment, text: string) => (await (await deployment.client(LedgerService)).countLines({ text })).count;

/** What the audit has about the commands with this trace, once it has so many. */
const audited = (deployment: TestDeployment, traceId: string, wanted: number): Promise<Record<string, unknown>[]> =>
  until(async () => {
    const rows = await deployment.sql('select * from sys_core.sys_core_audit_entries where trace_id = $1 order by id', [traceId]);
    return rows.length >= wanted && rows;
  }, `the audit has ${wanted} entries of ${traceId}`);
const newTrace = () => crypto.randomUUID().replaceAll('-', '');
const traced = (traceId: string) => ({ traceparent: `00-${traceId}-0123456789abcdef-01` });

fact('a command that throws leaves nothing of what it wrote, but what it wrote apart', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  await assert.rejects(client.writeLine({ text, trouble: 'throw' }), isReason('mod-ledger.TROUBLE'));
  assert.equal(await count(deployment, text), 0);
  await assert.rejects(client.writeLine({ text, trouble: 'apart' }), isReason('mod-ledger.TROUBLE'));
  assert.deepEqual([await count(deployment, text), await count(deployment, `${text} apart`)], [0, 1]);
});

fact('a command fails with a write that failed, though its handler goes on', async (deployment) => {
  const text = crypto.randomUUID();
  await assert.rejects((await deployment.client(LedgerService, ada)).writeLine({ text, trouble: 'swallow' }), isReason('kernel.INTERNAL'));
  assert.equal(await count(deployment, text), 0);
});

fact('commands that lock each other out both take effect, once', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const lines = await Promise.all([client.writeLine({ text, trouble: 'cross' }), client.writeLine({ text, trouble: 'cross' })]);
  assert.equal(new Set(lines.map(({ id }) => id)).size, 2);
  assert.equal(await count(deployment, text), 2);
});

fact('a repeat gets the first answer, though much has changed since, on every wire', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const key = crypto.randomUUID();
  const first = await client.writeLine({ text }, keyed(key));
  await client.writeLine({ text });
  let replayed: string | null = null;
  assert.deepEqual(await client.writeLine({ text }, { ...keyed(key), onHeader: (headers) => (replayed = headers.get('idempotency-replayed')) }), first);
  assert.equal(replayed, 'true');
  const rest = await deployment.fetch('/v1/ledger/lines', { as: ada, body: { text }, headers: { 'idempotency-key': key } });
  assert.deepEqual([rest.status, rest.headers.get('idempotency-replayed'), ((await rest.json()) as { id: string }).id], [200, 'true', first.id]);
  assert.equal(await count(deployment, text), 2);
});

fact('twenty repeats at the same moment have one effect, and all get its answer', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.writeLine({ text, trouble: 'slow' }, keyed(text))));
  assert.deepEqual(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal(await count(deployment, text), 1);
});

fact('a key is good for one request, of one caller', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const first = await client.writeLine({ text }, keyed(text));
  await assert.rejects(client.writeLine({ text: `${text}!` }, keyed(text)), isReason('kernel.IDEMPOTENCY_KEY_REUSED'));
  const rest = await deployment.fetch('/v1/ledger/lines', { as: ada, body: { text: 'other' }, headers: { 'idempotency-key': text } });
  assert.deepEqual([rest.status, ((await rest.json()) as { reason: string }).reason], [422, 'kernel.IDEMPOTENCY_KEY_REUSED']);
  assert.notEqual((await (await deployment.client(LedgerService, ben)).writeLine({ text }, keyed(text))).id, first.id);
  assert.notEqual((await (await deployment.client(LedgerService)).writeLine({ text }, keyed(text))).id, first.id);
  assert.equal(await count(deployment, text), 3);
});

fact('what is no key is refused, and nothing is written', async (deployment) => {
  const text = crypto.randomUUID();
  for (const key of ['', 'two words', 'x'.repeat(256), 'ключ'.replaceAll(/./g, 'é')]) {
    const answer = await deployment.fetch('/v1/ledger/lines', { as: ada, body: { text }, headers: { 'idempotency-key': key } });
    assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IDEMPOTENCY_KEY_INVALID'], key);
  }
  assert.equal(await count(deployment, text), 0);
  assert.equal((await deployment.fetch('/v1/ledger/lines', { as: ada, body: { text }, headers: { 'idempotency-key': 'x'.repeat(255) } })).status, 200);
});

fact('a command that fails gives its key back', async (deployment) => {
  const client = await deployment.client(ClerkService, ada);
  const text = crypto.randomUUID();
  await assert.rejects(client.writePair({ text, trouble: 'once' }, keyed(text)), isReason('mod-ledger.TROUBLE'));
  const { ids } = await client.writePair({ text, trouble: 'once' }, keyed(text));
  // Its own pair was undone the first time; the lines that it had another module write are there once.
  assert.deepEqual([ids[2], await count(deployment, text)], ['1', 2]);
  assert.deepEqual((await client.writePair({ text, trouble: 'once' }, keyed(text))).ids, ids);
  assert.equal(await count(deployment, text), 2);
});

fact('without a key a command that calls others does so anew each time', async (deployment) => {
  const client = await deployment.client(ClerkService, ada);
  const text = crypto.randomUUID();
  const [first, second] = [await client.writePair({ text }), await client.writePair({ text })];
  assert.equal(new Set([...first.ids.slice(0, 2), ...second.ids.slice(0, 2)]).size, 4);
});

fact('secrets in an answer can not be read in the database', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const key = crypto.randomUUID();
  const { secret } = await client.issueSecret({ text: key }, keyed(key));
  assert.equal((await client.issueSecret({ text: key }, keyed(key))).secret, secret);
  const kept = await deployment.sqlOf<{ answer: Buffer; row: string }>('mod-ledger', 'select answer, c::text as row from mod_ledger.mod_ledger_commands c where answer is not null');
  assert.ok(kept.length > 0);
  for (const { answer, row } of kept) assert.ok(!answer.includes(secret) && !row.includes(secret) && !row.includes(key) && !row.includes(Buffer.from(secret).toString('hex')));
  const sessions = await deployment.client(SessionsService);
  const login = () => sessions.createSession({ email: ada, password: 'mainstay-demo' }, keyed(key));
  const { refreshToken } = await login();
  assert.equal((await login()).refreshToken, refreshToken);
  const answers = await deployment.sqlOf<{ answer: Buffer }>('sys-accounts', 'select answer from sys_accounts.sys_accounts_commands where answer is not null');
  assert.ok(answers.length > 0 && answers.every(({ answer }) => !answer.includes(refreshToken) && !answer.includes(ada)));
});

fact('a stream is repeated from what was kept of it, and is not written twice', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const all = async () => (await Array.fromAsync(client.writeLines({ text, count: 5 }, keyed(text)))).map(({ id }) => id);
  const first = await all();
  assert.deepEqual(await all(), first);
  assert.equal(await count(deployment, text), 5);
  await assert.rejects(Array.fromAsync(client.writeLines({ text, count: 6 }, keyed(text))), isReason('kernel.IDEMPOTENCY_KEY_REUSED'));
});

fact('of a long stream the last messages are kept', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = 'x'.repeat(8000);
  const all = async () => (await Array.fromAsync(client.writeLines({ text, count: 50 }, keyed('long')))).map(({ before }) => before);
  assert.equal((await all()).length, 50);
  const again = await all();
  assert.ok(again.length < 50 && again.length > 25, String(again.length));
  assert.equal(again.at(-1), 49);
});

fact('a repeat of a stream that runs waits for it, and gets its answer', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  const all = async () => (await Array.fromAsync(client.writeLines({ text, count: 200 }, keyed(text)))).map(({ id }) => id);
  const [first, ...repeats] = await Promise.all([all(), all(), all()]);
  for (const repeat of repeats) assert.deepEqual(repeat, first);
  assert.deepEqual([first.length, await count(deployment, text)], [200, 200]);
});

fact('a stream is written whole or not at all: one that was left or failed is undone, and may be repeated', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  for await (const { before } of client.writeLines({ text, count: 10_000 }, keyed(text))) if (before > 5) break;
  await assert.rejects(Array.fromAsync(client.writeLines({ text, count: 5, trouble: 'throw' }, keyed(text))), isReason('mod-ledger.TROUBLE'));
  const again = await Array.fromAsync(client.writeLines({ text, count: 3 }, keyed(text)));
  assert.deepEqual([again.length, again[0]!.before, await count(deployment, text)], [3, 0, 3]);
});

fact('who has the last answer of a stream knows that it took effect', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const text = crypto.randomUUID();
  for await (const { before } of client.writeLines({ text, count: 50 })) {
    if (before === 49) break;
    assert.ok([0, 50].includes(await count(deployment, text)));
  }
  assert.equal(await count(deployment, text), 50);
});

fact('a streamed request is good for its key only if it says the same again, however it is cut', async (deployment) => {
  const client = await deployment.client(FilesService, ada);
  const key = crypto.randomUUID();
  const content = Buffer.from(`a file with the key ${key}`);
  const upload = (bytes: Uint8Array, piece: number, name = 'same') => client.uploadFile((async function* () {
    yield { name };
    for (let at = 0; at < bytes.length; at += piece) yield { content: { data: bytes.subarray(at, at + piece) } };
  })(), keyed(key));
  const { id } = await upload(content, 7);
  for (const piece of [1, 100]) assert.equal((await upload(content, piece)).id, id);
  for (const other of [content.subarray(1), Buffer.concat([content, content]), Buffer.from(content).fill('x', 0, 1), Buffer.alloc(0)]) await assert.rejects(upload(other, 7), isReason('kernel.IDEMPOTENCY_KEY_REUSED'));
  await assert.rejects(upload(content, 7, 'other'), isReason('kernel.IDEMPOTENCY_KEY_REUSED'));
  const rest = (body: string) => deployment.fetch('/v1/files?name=rest', { as: ada, body, headers: { 'idempotency-key': `${key}-rest` } });
  const [first, again, other] = [await rest('one'), await rest('one'), await rest('two')];
  assert.deepEqual([first.status, again.status, other.status], [200, 200, 422]);
  assert.equal(((await again.json()) as { id: string }).id, ((await first.json()) as { id: string }).id);
});

fact('a command to which a version is named, and that compares none, is refused and undone', async (deployment) => {
  const text = crypto.randomUUID();
  for (const headers of [{ 'if-match': '"1"' }, { 'if-match': '*', 'idempotency-key': text }] as Record<string, string>[]) {
    const answer = await deployment.fetch('/v1/ledger/lines', { as: ada, body: { text }, headers });
    assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IF_MATCH_NOT_COMPARED']);
  }
  assert.equal(await count(deployment, text), 0);
});

fact('a command to which a version is named calls no command of another module before it compared one', async (deployment) => {
  const text = crypto.randomUUID();
  const answer = await deployment.fetch('/v1/clerk/pairs', { as: ada, body: { text }, headers: { 'if-match': '"1"' } });
  assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IF_MATCH_NOT_COMPARED']);
  assert.equal(await count(deployment, text), 0);
});

fact('streams whose readers do not read hold up nobody else', async (deployment) => {
  const client = await deployment.client(LedgerService, ada);
  const streams = Array.from({ length: 24 }, () => {
    const text = crypto.randomUUID();
    return client.writeLines({ text: text.padEnd(10_000, 'x'), count: 1000 }, keyed(text))[Symbol.asyncIterator]();
  });
  const first = streams.map((stream) => stream.next());
  await Promise.race(first);
  for (let n = 0; n < 20; n++) {
    const text = crypto.randomUUID();
    // Reads between its writes, so that it needs a connection for itself.
    await client.writeLine({ text, trouble: 'slow' });
    assert.equal(await count(deployment, text), 1);
  }
  await Promise.all(streams.map((stream) => stream.return!()));
  await Promise.allSettled(first);
});

/** As `count`, also of texts too long to ask for. */
const written = async (deployment: TestDeployment, text: string) => (await deployment.sqlOf('mod-ledger', 'select id from mod_ledger.mod_ledger_lines where text = $1', [text])).length;

/** A stream whose caller reads nothing before `read`, and resets it with an error code of HTTP/2. */
async function begun(deployment: TestDeployment, request: { text: string; count: number }, traceId: string) {
  const { input, parent, name } = LedgerService.method.writeLines;
  const session = connect(deployment.address);
  const stream = session.request({ ':method': 'POST', ':path': `/${parent.typeName}/${name}`, 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer ${await deployment.token(ada)}`, ...traced(traceId) });
  stream.on('error', () => {}).pause();
  const closed = new Promise((resolve) => stream.on('close', resolve));
  stream.end(encodeEnvelope(0, toBinary(input, create(input, request))));
  return {
    read: () => stream.resume(),
    async reset(code: number) {
      stream.close(code);
      await closed;
      session.close();
    },
  };
}

fact('a stream that took effect is in the audit once, though its caller left before it had the answers', async (deployment) => {
  const [text, traceId] = [crypto.randomUUID().padEnd(10_000, 'x'), newTrace()];
  const { reset } = await begun(deployment, { text, count: 24 }, traceId);
  await until(async () => (await written(deployment, text)) === 24);
  await reset(constants.NGHTTP2_CANCEL);
  const ending = newTrace();
  await (await deployment.client(LedgerService, ada)).writeLine({ text: 'later' }, { headers: traced(ending) });
  await audited(deployment, ending, 1);
  await sleep(300);
  assert.deepEqual((await audited(deployment, traceId, 1)).map(({ outcome }) => outcome), ['OK']);
});

fact('a stream whose caller resets it as if something had failed is one that the caller left', async (deployment) => {
  const [text, traceId] = [crypto.randomUUID(), newTrace()];
  const { read, reset } = await begun(deployment, { text, count: 10_000 }, traceId);
  read();
  await until(async () => (await deployment.sqlOf('mod-ledger', "select from pg_locks where mode = 'RowExclusiveLock' and relation = 'mod_ledger.mod_ledger_lines'::regclass")).length > 0, 'it has begun to write');
  await reset(constants.NGHTTP2_INTERNAL_ERROR);
  assert.deepEqual((await audited(deployment, traceId, 1)).map(({ outcome }) => outcome), ['kernel.CANCELED']);
  assert.equal(await written(deployment, text), 0);
});

fact('every command is in the audit, with who did what to what from where', async (deployment) => {
  const traceId = newTrace();
  const about = crypto.randomUUID();
  const client = await deployment.client(LedgerService, ada);
  const { id } = await client.writeLine({ text: 'audit me', aboutId: about, ownerId: crypto.randomUUID() }, { headers: traced(traceId) });
  const keyed = await client.writeLine({ text: 'audit me', aboutId: about }, { headers: { ...traced(traceId), 'idempotency-key': traceId } });
  await client.writeLine({ text: 'audit me', aboutId: about }, { headers: { ...traced(traceId), 'idempotency-key': traceId } });
  const [entry, keyedEntry, ...more] = await audited(deployment, traceId, 2);
  assert.deepEqual(more, []);
  assert.equal((keyedEntry!.subjects as { id: string }).id, keyed.id);
  const session = await deployment.sqlOf<{ id: string; account_id: string; acting_org: string }>('sys-accounts', `select s.* from sys_accounts.sys_accounts_sessions s join sys_accounts.sys_accounts_accounts a on a.id = s.account_id where a.email = $1`, [ada]);
  const { module, method, outcome, principal_kind, principal_id, org_id, session_id, caller_module, subjects, client_address } = entry!;
  assert.deepEqual({ module, method, outcome, principal_kind, caller_module, subjects }, { module: 'mod-ledger', method: 'mainstay.testing.v1.LedgerService/WriteLine', outcome: 'OK', principal_kind: 'account', caller_module: null, subjects: { about_id: about, id } });
  assert.ok(session.some((row) => row.id === session_id && row.account_id === principal_id && row.acting_org === org_id));
  assert.match(String(client_address), /^(::1|127\.0\.0\.1|::ffff:127\.0\.0\.1)$/);
});

fact('a command that another module called names it', async (deployment) => {
  const traceId = newTrace();
  await (await deployment.client(ClerkService, ada)).writePair({ text: crypto.randomUUID() }, { headers: traced(traceId) });
  const entries = await audited(deployment, traceId, 3);
  assert.deepEqual(entries.map((entry) => [entry.module, entry.caller_module]).toSorted(), [['mod-clerk', null], ['mod-ledger', 'mod-clerk'], ['mod-ledger', 'mod-clerk']]);
});

fact('refused and failed commands of people are in the audit; requests that are not valid, and strangers at the door, are not', async (deployment) => {
  const traceId = newTrace();
  const headers = traced(traceId);
  const client = await deployment.client(LedgerService, ada);
  await assert.rejects(client.writeLine({ text: 'x', trouble: 'throw' }, { headers }));
  await assert.rejects(client.closeLedger({}, { headers }), isReason('kernel.PERMISSION_DENIED'));
  await assert.rejects(client.writeLine({ text: '' }, { headers }), isReason('kernel.INVALID_REQUEST'));
  const stranger = await deployment.client(LedgerService);
  await assert.rejects(stranger.issueSecret({ text: 'x' }, { headers }), isReason('kernel.UNAUTHENTICATED'));
  await assert.rejects(stranger.writeLine({ text: 'x', trouble: 'throw' }, { headers }));
  await assert.rejects(stranger.writeLine({ text: 'x', trouble: 'stranger' }, { headers }), isReason('mod-ledger.STRANGER'));
  await assert.rejects((await deployment.client(SessionsService)).createSession({ email: ada, password: 'wrong password' }, { headers }), isReason('sys-accounts.WRONG_CREDENTIALS'));
  await sleep(600);
  const entries = await audited(deployment, traceId, 4);
  assert.deepEqual(entries.map(({ outcome, principal_kind }) => [outcome, principal_kind]).toSorted(), [['kernel.PERMISSION_DENIED', 'account'], ['mod-ledger.STRANGER', 'anonymous'], ['mod-ledger.TROUBLE', 'account'], ['sys-accounts.WRONG_CREDENTIALS', 'anonymous']]);
  assert.ok(!JSON.stringify(entries).includes('ada@'));
});

fact('a failed login counts, though its command is undone', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const email = `${crypto.randomUUID()}@example.org`;
  const codes: Code[] = [];
  for (let tries = 0; tries < 12; tries++) await sessions.createSession({ email, password: 'wrong password' }, keyed(crypto.randomUUID())).catch((error: unknown) => codes.push(ConnectError.from(error).code));
  assert.equal(codes.at(-1), Code.ResourceExhausted);
});
