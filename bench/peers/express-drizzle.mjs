// The same API as many would write it today: Express with Drizzle's query builder.
import { randomUUID } from 'node:crypto';
import { and, desc, eq, isNotNull, isNull, or, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { boolean, integer, jsonb, pgTable, text, timestamp, uuid, customType } from 'drizzle-orm/pg-core';
import express from 'express';
import pg from 'pg';
import { z } from 'zod';
import { announce, method, newTraceId, pageToken, promiseMessage, sha256, signedIn } from './peer.mjs';

const { token, authenticate } = await signedIn();
const bytea = customType({ dataType: () => 'bytea' });
const time = (name) => timestamp(name, { withTimezone: true });
const promises = pgTable('promises', {
  id: uuid('id').primaryKey(), owner_id: uuid('owner_id'), title: text('title'), description: text('description'), made_at: time('made_at'), due_time: time('due_time'),
  tags: text('tags').array(), state: text('state'), archived: boolean('archived'), delete_time: time('delete_time'), version: integer('version'), create_time: time('create_time'), update_time: time('update_time'),
});
const shares = pgTable('shares', { promise_id: uuid('promise_id'), account_id: uuid('account_id'), permission: text('permission') });
const reminders = pgTable('reminders', { id: uuid('id'), promise_id: uuid('promise_id'), time: time('time') });
const changes = pgTable('changes', { promise_id: uuid('promise_id'), account_id: uuid('account_id'), field: text('field'), after: text('after') });
const outbox = pgTable('outbox', { type: text('type'), subject: text('subject'), org: uuid('org'), data: jsonb('data'), trace_id: text('trace_id') });
const commands = pgTable('commands', {
  method: text('method'), org: uuid('org'), principal: text('principal'), session: text('session'), client_address: text('client_address'), trace_id: text('trace_id'), outcome: text('outcome'),
  idempotency_key: text('idempotency_key'), request_hash: bytea('request_hash'), answer: bytea('answer'),
});

const db = drizzle(new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 }));
const inOrg = (orgId, work) => db.transaction(async (tx) => {
  await tx.execute(sql`select set_config('app.org_id', ${orgId}, true)`);
  return work(tx);
});

const app = express();
app.use(express.json());
app.use(async (request, response, next) => {
  request.caller = await authenticate(request.headers.authorization);
  if (request.caller) next();
  else response.status(401).json({ title: 'sign in' });
});

const newPromise = z.strictObject({ title: z.string().min(1).max(500), description: z.string().max(10000).default(''), dueTime: z.iso.datetime().nullable().default(null), tags: z.array(z.string().max(100)).max(50).default([]) });
app.post('/v1/promises', async (request, response) => {
  const given = newPromise.safeParse(request.body);
  if (!given.success) return response.status(400).json(given.error.issues);
  const { title, description, dueTime, tags } = given.data;
  const { orgId, accountId, sessionId } = request.caller;
  const trace = newTraceId();
  const key = request.headers['idempotency-key'];
  const row = await inOrg(orgId, async (tx) => {
    const [made] = await tx.insert(promises).values({ id: randomUUID(), owner_id: accountId, title, description, due_time: dueTime && new Date(dueTime), tags }).returning();
    await tx.insert(changes).values({ promise_id: made.id, account_id: accountId, field: 'created', after: title });
    await tx.insert(outbox).values({ type: 'mod.promist.v1.PromiseMade', subject: made.id, org: orgId, data: { promiseId: made.id, ownerAccountId: accountId }, trace_id: trace });
    await tx.insert(commands).values({ method, org: orgId, principal: accountId, session: sessionId, client_address: request.ip, trace_id: trace, outcome: 'OK', idempotency_key: key ?? null, request_hash: key ? sha256(JSON.stringify(request.body)) : null, answer: key ? Buffer.from(JSON.stringify(made)) : null });
    return made;
  });
  response.json(promiseMessage(row));
});

async function beside(tx, rows) {
  const found = { reminders: new Map(), shares: new Map() };
  if (rows.length === 0) return found;
  const ids = sql`any(${sql.param(rows.map(({ id }) => id))}::uuid[])`;
  for (const row of await tx.select().from(reminders).where(sql`${reminders.promise_id} = ${ids}`)) found.reminders.set(row.promise_id, [...(found.reminders.get(row.promise_id) ?? []), row]);
  for (const row of await tx.select().from(shares).where(sql`${shares.promise_id} = ${ids}`)) found.shares.set(row.promise_id, [...(found.shares.get(row.promise_id) ?? []), row]);
  return found;
}
const message = (row, found) => promiseMessage(row, found.reminders.get(row.id) ?? [], found.shares.get(row.id) ?? []);

app.get('/v1/promises/:id', async (request, response) => {
  if (!z.uuid().safeParse(request.params.id).success) return response.status(400).json({ title: 'not an id' });
  const { orgId, accountId } = request.caller;
  const found = await inOrg(orgId, async (tx) => {
    const [row] = await tx.select().from(promises).leftJoin(shares, and(eq(shares.promise_id, promises.id), eq(shares.account_id, accountId)))
      .where(and(eq(promises.id, request.params.id), or(eq(promises.owner_id, accountId), and(isNull(promises.delete_time), isNotNull(shares.account_id)))));
    return row && message(row.promises, await beside(tx, [row.promises]));
  });
  if (found) response.json(found);
  else response.status(404).json({ title: 'no such promise' });
});

app.get('/v1/promises', async (request, response) => {
  const size = Number(request.query.page_size) || 50;
  const { orgId, accountId } = request.caller;
  const page = await inOrg(orgId, async (tx) => {
    const rows = await tx.select().from(promises).where(and(eq(promises.owner_id, accountId), isNull(promises.delete_time), eq(promises.archived, false))).orderBy(desc(promises.made_at), desc(promises.id)).limit(size + 1);
    const shown = rows.slice(0, size);
    const found = await beside(tx, shown);
    return { promises: shown.map((row) => message(row, found)), nextPageToken: rows.length > size ? pageToken(shown.at(-1)) : '' };
  });
  response.json(page);
});

const server = app.listen(0, '127.0.0.1', () => announce(server.address().port, token));
