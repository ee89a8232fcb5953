// The physical reference: a bare Fastify handler over pipelined `pg` with named statements, nothing in between.
import { createHash } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';
import { announce, method, newTraceId, pageToken, promiseMessage, sha256, signedIn } from './peer.mjs';

const { token, authenticate } = await signedIn();
const clients = await Promise.all(Array.from({ length: 8 }, async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, pipeline: true });
  await client.connect();
  return client;
}));
let turn = 0;
const names = new Map();
const nameOf = (text) => names.get(text) ?? names.set(text, createHash('md5').update(text).digest('hex')).get(text);
const send = (client, text, values) => client.query({ name: nameOf(text), text, values });

/** Runs statements as one transaction of an org, all in one write; gives their results. */
async function transaction(orgId, statements) {
  const client = clients[turn++ % clients.length];
  client.connection.stream.cork();
  const sent = [send(client, 'begin'), send(client, `select set_config('app.org_id', $1, true)`, [orgId]), ...statements.map(([text, values]) => send(client, text, values)), send(client, 'commit')];
  client.connection.stream.uncork();
  const results = await Promise.all(sent);
  return results.slice(2, -1);
}

/** Reads with one statement on a connection that stays set to the org. */
const sessionOrgs = new Map();
function read(orgId, text, values) {
  const client = clients[turn++ % clients.length];
  if (sessionOrgs.get(client) === orgId) return send(client, text, values);
  sessionOrgs.set(client, orgId);
  void send(client, `select set_config('app.org_id', $1, false)`, [orgId]);
  return send(client, text, values);
}

const app = Fastify();
app.addHook('onRequest', async (request, reply) => {
  request.caller = await authenticate(request.headers.authorization);
  if (!request.caller) return reply.code(401).send({ title: 'sign in' });
});

const body = { type: 'object', required: ['title'], additionalProperties: false, properties: { title: { type: 'string', minLength: 1, maxLength: 500 }, description: { type: 'string', maxLength: 10000 }, dueTime: { type: 'string', format: 'date-time' }, tags: { type: 'array', maxItems: 50, items: { type: 'string', maxLength: 100 } } } };
app.post('/v1/promises', { schema: { body } }, async (request) => {
  const { caller, body: { title, description = '', dueTime = null, tags = [] } } = request;
  const id = crypto.randomUUID();
  const trace = newTraceId();
  const key = request.headers['idempotency-key'];
  const [inserted] = await transaction(caller.orgId, [
    ['insert into promises (id, owner_id, title, description, due_time, tags) values ($1, $2, $3, $4, $5, $6) returning *', [id, caller.accountId, title, description, dueTime, tags]],
    ['insert into changes (promise_id, account_id, field, after) values ($1, $2, $3, $4)', [id, caller.accountId, 'created', title]],
    ['insert into outbox (type, subject, org, data, trace_id) values ($1, $2, $3, $4, $5)', ['mod.promist.v1.PromiseMade', id, caller.orgId, { promiseId: id, ownerAccountId: caller.accountId }, trace]],
    ['insert into commands (method, org, principal, session, client_address, trace_id, outcome, idempotency_key, request_hash, answer) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      [method, caller.orgId, caller.accountId, caller.sessionId, request.ip, trace, 'OK', key ?? null, key ? sha256(JSON.stringify(request.body)) : null, key ? Buffer.from(JSON.stringify({ id, title, description, dueTime, tags })) : null]],
  ]);
  return promiseMessage(inserted.rows[0]);
});

const one = `select p.*, s.permission as shared,
  (select coalesce(json_agg(r), '[]') from reminders r where r.promise_id = p.id) as reminders,
  (select coalesce(json_agg(h), '[]') from shares h where h.promise_id = p.id) as shares
  from promises p left join shares s on s.promise_id = p.id and s.account_id = $1`;
const visible = '(p.owner_id = $1 or (p.delete_time is null and s.account_id is not null))';

app.get('/v1/promises/:id', { schema: { params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } } } }, async (request, reply) => {
  const { rows: [row] } = await read(request.caller.orgId, `${one} where p.id = $2 and ${visible}`, [request.caller.accountId, request.params.id]);
  return row ? promiseMessage(row, row.reminders, row.shares) : reply.code(404).send({ title: 'no such promise' });
});

app.get('/v1/promises', { schema: { querystring: { type: 'object', properties: { page_size: { type: 'integer', minimum: 0, maximum: 1000 } } } } }, async (request) => {
  const size = request.query.page_size || 50;
  // As Mainstay does: a limit that PostgreSQL does not know makes it plan each time.
  const usual = [10, 20, 25, 50, 100].includes(size);
  const limit = usual ? size + 1 : '$2';
  const { rows } = await read(request.caller.orgId, `${one} where p.owner_id = $1 and p.delete_time is null and not p.archived order by p.made_at desc, p.id desc limit ${limit}`, [request.caller.accountId, ...(usual ? [] : [size + 1])]);
  const page = rows.slice(0, size);
  return { promises: page.map((row) => promiseMessage(row, row.reminders, row.shares)), nextPageToken: rows.length > size ? pageToken(page.at(-1)) : '' };
});

await app.listen({ port: 0, host: '127.0.0.1' });
process.once('SIGINT', () => process.exit());
announce(app.server.address().port, token);
