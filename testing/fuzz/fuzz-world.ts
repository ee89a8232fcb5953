import { randomUUID } from 'node:crypto';
import type { DescField } from '@bufbuild/protobuf';
import type { TestDeployment } from '@mainstay/testing';
import type { Known } from './any-tree.ts';
import type { Ask, Examples } from './ask.ts';
import { proving } from './factor-examples.ts';
import { fuzzExamples, leaving, signedIn } from './fuzz-examples.ts';
import { settledModule, settledValues } from './settled-module.ts';

const people = ['ada@acme.test', 'ben@acme.test', 'olga@acme.test', 'eve@umbrella.test', 'ops@mainstay.test', 'root@mainstay.test'];

/** What exists in a deployment, by the names of the fields that tell of it: own things, others', other orgs', deleted ones. */
export interface FuzzWorld {
  callers: string[];
  orgs: string[];
  known: Known;
  examples: Examples;
  authorizationOf: (caller: string) => string | undefined;
}

/** Fills a deployment, of which `settledModule` is a part, with things to ask for. */
export async function fuzzWorld(deployment: TestDeployment): Promise<FuzzWorld> {
  const ask: Ask = async (as, path, body, method) => (await deployment.fetch(path, { as, ...(body !== undefined && { body }), ...(method && { method }) })).json();
  const texts: Record<string, string[]> = { module: ['mod-promist', 'sys-core', settledModule.name], time_zone: ['UTC', 'Europe/Berlin'], recurrence: ['', 'FREQ=DAILY;COUNT=3', 'FREQ=MONTHLY;BYMONTHDAY=31', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'], language: ['en', 'de-AT'] };
  const add = (field: string, ...values: (string | undefined)[]) => (texts[field] ??= []).push(...values.filter((value) => value !== undefined));
  for (const [as, count] of [['ada@acme.test', 24], ['ben@acme.test', 4], ['eve@umbrella.test', 6]] as const) {
    for (let at = 0; at < count; at++) {
      const promise = await ask(as, '/v1/promises', { title: `Promise ${at}`, tags: ['home'], reminders: [{ time: '2030-01-01T00:00:00Z' }] });
      add('promise_id', promise.id);
      add('reminder_id', promise.reminders?.[0]?.id);
      add('etag', promise.etag);
      if (at % 6 === 5) await ask(as, `/v1/promises/${promise.id}`, undefined, 'DELETE');
    }
    add('contact_id', (await ask(as, '/v1/contacts', { name: 'Zoe' })).id);
    add('file_id', (await ask(as, '/v1/files?name=a.txt', 'some text')).id);
    add('page_token', (await ask(as, '/v1/promises?page_size=1')).nextPageToken);
    add('session_id', (await ask(as, '/v1/sessions')).sessions?.[0]?.sessionId);
  }
  await addFromRoot(ask, add);
  texts.page_token!.push(...texts.page_token!.map((token) => `${token.slice(0, -2)}AA`), 'AAAA');
  // Whoever calls stays who they are: only these are locked, removed and given roles.
  const victims = await Promise.all([1, 2, 3].map(async () => (await ask('', '/v1/accounts', { email: `${randomUUID()}@acme.test`, password: 'a long password' })).accountId as string));
  const examples = await fuzzExamples(deployment, ask);
  const tokens = new Map(await Promise.all([...people, ...leaving, ...proving, signedIn].map(async (email) => [email, await deployment.token(email)] as const)));
  return {
    callers: ['', 'nobody', ...Array<string>(8).fill('ada@acme.test'), 'olga@acme.test', 'root@mainstay.test', ...people],
    orgs: texts.org_id!,
    known: (field) => knownTexts(field, texts, victims),
    examples,
    authorizationOf: (caller) => (caller === '' ? undefined : `Bearer ${tokens.get(caller) ?? 'e30.e30.e30'}`),
  };
}

async function addFromRoot(ask: Ask, add: (field: string, ...values: string[]) => void): Promise<void> {
  const root = 'root@mainstay.test';
  const [{ orgs }, { accounts }, { entries }] = await Promise.all(['/v1/orgs', '/v1/accounts', '/v1/audit/entries'].map((path) => ask(root, path)));
  for (const { orgId } of orgs) {
    add('org_id', orgId);
    add('project_id', ...((await ask(root, `/v1/orgs/${orgId}/projects`)).projects ?? []).map(({ projectId }: { projectId: string }) => projectId));
  }
  add('account_id', 'me', ...accounts.map(({ accountId }: { accountId: string }) => accountId));
  add('email', ...people);
  add('entry_id', ...(entries ?? []).slice(0, 10).map(({ entryId }: { entryId: string }) => entryId));
  // Other modules' would change what later requests may do.
  add('key', ...Object.keys(settledValues));
}

const filters = ['title = "Promise 1"', 'state = PENDING AND archived = false', 'NOT title:"x" OR due_time > "2026-01-01T00:00:00Z"', 'tags:home', '((((title = "a"))))', '('.repeat(900), 'title =', 'nothing = 1', '"', 'a.b.c = 1', 'title = "\\"', '-state = PENDING', 'due_time < "10000-01-01T00:00:00Z"', 'create_time = "0000-01-01T00:00:00Z"', 'title = "%\\_"', 'state = 7', 'email:"acme"', 'name = "Acme"'];
const orders = ['title', 'title desc', 'made_at desc, title', 'due_time', 'create_time desc', 'name', 'email', 'nothing', 'title desc desc', ',', 'title,title', "title; drop table x", 'time desc'];

function knownTexts({ name, parent }: DescField, texts: Record<string, string[]>, victims: string[]): readonly string[] {
  if (name === 'account_id' && /^(Lock|Unlock|Close)Account|^(RemoveMember|GrantRole|RevokeRole|AddMember)/.test(parent.name)) return victims;
  if (name === 'session_id' && parent.name.startsWith('Delete')) return [];
  if (name === 'email' && parent.name === 'CreateSessionRequest') return ['nobody@nowhere.test'];
  if (name === 'filter') return filters;
  if (name === 'order_by') return orders;
  if (name === 'id') return texts[parent.name === 'Contact' ? 'contact_id' : parent.name === 'Reminder' ? 'reminder_id' : 'promise_id']!;
  if (name === 'account') return [...texts.account_id!, ...people];
  if (name === 'paths') return [];
  return texts[name.replace(/_ids$/, '_id').replace(/^(owner|made_by)_/, '')] ?? [];
}
