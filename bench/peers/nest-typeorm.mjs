// The same API on NestJS with TypeORM. Its decorators are plain functions, called here as such.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, Headers, HttpException, Ip, Module, Param, ParseUUIDPipe, Post, Query, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource, EntitySchema, In, IsNull } from 'typeorm';
import { z } from 'zod';
import { announce, method, newTraceId, pageToken, promiseMessage, sha256, signedIn } from './peer.mjs';

const { token, authenticate } = await signedIn();
const entity = (tableName, columns) => new EntitySchema({ name: tableName, tableName, columns });
const generatedId = { type: 'uuid', primary: true, default: () => 'uuidv7()', generated: 'uuid' };
const Promises = entity('promises', {
  id: { type: 'uuid', primary: true }, owner_id: { type: 'uuid' }, title: { type: 'text' }, description: { type: 'text' }, made_at: { type: 'timestamptz', default: () => 'now()' }, due_time: { type: 'timestamptz', nullable: true },
  tags: { type: 'text', array: true }, state: { type: 'text', default: 'PENDING' }, archived: { type: 'boolean', default: false }, delete_time: { type: 'timestamptz', nullable: true }, version: { type: 'integer', default: 1 },
  create_time: { type: 'timestamptz', default: () => 'now()' }, update_time: { type: 'timestamptz', default: () => 'now()' },
});
const Shares = entity('shares', { promise_id: { type: 'uuid', primary: true }, account_id: { type: 'uuid', primary: true }, permission: { type: 'text' } });
const Reminders = entity('reminders', { id: generatedId, promise_id: { type: 'uuid' }, time: { type: 'timestamptz' } });
const Changes = entity('changes', { id: generatedId, promise_id: { type: 'uuid' }, account_id: { type: 'uuid' }, field: { type: 'text' }, after: { type: 'text' } });
const Outbox = entity('outbox', { id: generatedId, type: { type: 'text' }, subject: { type: 'text' }, org: { type: 'uuid' }, data: { type: 'jsonb' }, trace_id: { type: 'text' } });
const Commands = entity('commands', {
  id: generatedId, method: { type: 'text' }, org: { type: 'uuid' }, principal: { type: 'text' }, session: { type: 'text' }, client_address: { type: 'text' }, trace_id: { type: 'text' }, outcome: { type: 'text' },
  idempotency_key: { type: 'text', nullable: true }, request_hash: { type: 'bytea', nullable: true }, answer: { type: 'bytea', nullable: true },
});
const database = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, entities: [Promises, Shares, Reminders, Changes, Outbox, Commands], poolSize: 8 }).initialize();
const inOrg = (orgId, work) => database.transaction(async (manager) => {
  await manager.query(`select set_config('app.org_id', $1, true)`, [orgId]);
  return work(manager);
});

const newPromise = z.strictObject({ title: z.string().min(1).max(500), description: z.string().max(10000).default(''), dueTime: z.iso.datetime().nullable().default(null), tags: z.array(z.string().max(100)).max(50).default([]) });

class TokenGuard {
  async canActivate(context) {
    const request = context.switchToHttp().getRequest();
    request.caller = await authenticate(request.headers.authorization);
    if (!request.caller) throw new HttpException('sign in', 401);
    return true;
  }
}

class PromisesController {
  async create(request, body, key, ip) {
    const given = newPromise.safeParse(body);
    if (!given.success) throw new HttpException({ issues: given.error.issues }, 400);
    const { title, description, dueTime, tags } = given.data;
    const { orgId, accountId, sessionId } = request.caller;
    const trace = newTraceId();
    const row = await inOrg(orgId, async (manager) => {
      const id = randomUUID();
      const made = manager.create(Promises, { id, owner_id: accountId, title, description, due_time: dueTime, tags });
      await manager.insert(Promises, made);
      await manager.insert(Changes, { promise_id: id, account_id: accountId, field: 'created', after: title });
      await manager.insert(Outbox, { type: 'mod.promist.v1.PromiseMade', subject: id, org: orgId, data: { promiseId: id, ownerAccountId: accountId }, trace_id: trace });
      await manager.insert(Commands, { method, org: orgId, principal: accountId, session: sessionId, client_address: ip, trace_id: trace, outcome: 'OK', idempotency_key: key ?? null, request_hash: key ? sha256(JSON.stringify(body)) : null, answer: key ? Buffer.from(JSON.stringify(made)) : null });
      return made;
    });
    return promiseMessage(row);
  }

  async get(request, id) {
    const { orgId, accountId } = request.caller;
    return inOrg(orgId, async (manager) => {
      const row = await manager.createQueryBuilder(Promises, 'p').leftJoin(Shares, 's', 's.promise_id = p.id and s.account_id = :accountId', { accountId })
        .where('p.id = :id', { id }).andWhere('(p.owner_id = :accountId or (p.delete_time is null and s.account_id is not null))', { accountId }).getOne();
      if (!row) throw new HttpException('no such promise', 404);
      const [reminders, shares] = await beside(manager, [row]);
      return promiseMessage(row, reminders, shares);
    });
  }

  async list(request, pageSize) {
    const size = Number(pageSize) || 50;
    const { orgId, accountId } = request.caller;
    return inOrg(orgId, async (manager) => {
      const rows = await manager.find(Promises, { where: { owner_id: accountId, delete_time: IsNull(), archived: false }, order: { made_at: 'DESC', id: 'DESC' }, take: size + 1 });
      const page = rows.slice(0, size);
      const [reminders, shares] = await beside(manager, page);
      const of = (all, id) => all.filter((each) => each.promise_id === id);
      return { promises: page.map((row) => promiseMessage(row, of(reminders, row.id), of(shares, row.id))), nextPageToken: rows.length > size ? pageToken(page.at(-1)) : '' };
    });
  }
}

async function beside(manager, rows) {
  const promise_id = In(rows.map(({ id }) => id));
  return [await manager.find(Reminders, { where: { promise_id } }), await manager.find(Shares, { where: { promise_id } })];
}

const decorate = (name, verb, ...parameters) => {
  verb(PromisesController.prototype, name, Object.getOwnPropertyDescriptor(PromisesController.prototype, name));
  parameters.forEach((parameter, at) => parameter(PromisesController.prototype, name, at));
};
decorate('create', Post(), Req(), Body(), Headers('idempotency-key'), Ip());
decorate('get', Get(':id'), Req(), Param('id', ParseUUIDPipe));
decorate('list', Get(), Req(), Query('page_size'));
UseGuards(TokenGuard)(PromisesController);
Controller('v1/promises')(PromisesController);
class AppModule {}
Module({ controllers: [PromisesController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
announce(app.getHttpServer().address().port, token);
