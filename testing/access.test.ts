import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DescMethod, DescMethodServerStreaming, DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { reasonOf, type Module } from '@mainstay/kernel';
import { oneMessage } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { AccessFixtures, type Person } from './access-fixtures.ts';
import { everyTopology } from './index.ts';
import { readPublishedAccess, type PublishedAccess } from './published-access.ts';
import { validRequest } from './valid-request.ts';

const methods = new Map((modules as readonly Module[]).flatMap(({ services = [] }) => services).flatMap(({ service }) => service.methods).map((method) => [`${service(method)}/${method.name}`, method]));
const published = readPublishedAccess();

everyTopology('every method lets in exactly whom the published table names', async (deployment) => {
  const fixtures = await AccessFixtures.in(deployment);
  assert.deepEqual(published.map(({ service, method }) => `${service}/${method}`).sort(), [...methods.keys()].sort());
  for (const row of published) {
    const method = methods.get(`${row.service}/${row.method}`)!;
    for (const [caller, letIn] of row.letIn) {
      const person = fixtures.people.get(caller);
      const { request, known } = await requestFor(method, row, letIn ? person : undefined, fixtures, person);
      const told = await call(person?.transport ?? createGrpcTransport({ baseUrl: deployment.address }), method, request);
      const cell = `${row.service}/${row.method} as ${caller}: ${told.text}`;
      assert.equal(told.letIn, letIn, cell);
      if (letIn && known && person) assert.notEqual(told.code, Code.NotFound, cell);
    }
  }
});

everyTopology('nobody finds what belongs to another org, but whom the published table names', async (deployment) => {
  const fixtures = await AccessFixtures.in(deployment);
  const foreigner = await fixtures.foreigner();
  for (const row of published.filter(({ anotherOrg }) => anotherOrg)) {
    const method = methods.get(`${row.service}/${row.method}`)!;
    for (const [caller, letIn] of row.letIn) {
      const person = fixtures.people.get(caller);
      if (!letIn || !person) continue;
      const { request, known } = await requestFor(method, row, foreigner, fixtures, person);
      const told = await call(person.transport, method, request);
      const cell = `${row.service}/${row.method} as ${caller}: ${told.text}`;
      const anywhere = row.anotherOrg!.anyOrgFor.includes(caller);
      assert.ok(told.letIn, cell);
      if (known || !anywhere) assert.equal(told.code === Code.NotFound, !anywhere, cell);
    }
  }
});

everyTopology('nobody acts in an org of which they are no member', async (deployment) => {
  const fixtures = await AccessFixtures.in(deployment);
  for (const person of fixtures.people.values()) {
    if (!person) continue;
    const transport = await fixtures.transport(person.email, fixtures.umbrella);
    for (const method of methods.values()) {
      const told = await call(transport, method, validRequest(method.input));
      assert.deepEqual([told.code, told.reason], [Code.NotFound, 'sys-core.ORG_NOT_FOUND'], `${service(method)}/${method.name} as ${person.email}: ${told.text}`);
    }
  }
});

function service(method: DescMethod): string {
  return method.parent.typeName;
}

/** A valid request whose path names things of `owner`, or random ones without. `known`: it names things, and all exist. */
async function requestFor(method: DescMethod, row: PublishedAccess, owner: Person | undefined, fixtures: AccessFixtures, caller: Person | undefined) {
  const request = validRequest(method.input) as Message & Record<string, any>;
  const ids = new Map<string, string>();
  let known = row.pathFields.length > 0;
  const isOwn = row.letIn.get('GUEST')! && !row.anotherOrg?.anyOrgFor.length;
  for (const path of row.pathFields) {
    const kind = kindOf(path);
    const made = owner && (await fixtures.idOf(kind, owner, isOwn && owner.orgId === fixtures.acme));
    if (!made) known = false;
    for (const [name, id] of Object.entries(made ?? { [kind]: randomUUID() })) ids.set(name, id);
  }
  for (const path of row.pathFields) set(request, path.split('.'), ids.get(kindOf(path))!);
  // Roles in a project count where the request names it.
  const named = owner === caller && row.pathFields.includes('project_id');
  if (caller?.project && 'projectId' in request && !named) {
    request.projectId = await caller.project();
    known = known && row.pathFields.includes('project_id');
  }
  // Names somebody beside the path; whether with success is not the guard's to say.
  if (typeof request.account === 'string') known = false;
  if (typeof request.email === 'string' && 'orgId' in request) request.email = await fixtures.stranger(String(request.orgId) === fixtures.umbrella ? fixtures.umbrella : fixtures.acme);
  return { request, known };
}

/** What a field of a path names: `promise.id` is the promise's id. */
function kindOf(path: string): string {
  const [resource, field = resource] = path.split('.') as [string, string?];
  return field === 'id' ? `${resource}_id` : field;
}

function set(message: Record<string, any>, [first, ...rest]: string[], value: string): void {
  const name = first!.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (rest.length === 0) message[name] = value;
  else set(message[name] as Record<string, any>, rest, value);
}

interface Told {
  letIn: boolean;
  code?: Code;
  reason?: string;
  text: string;
}

/** Calls, and tells whether the guard let it in: an answer, or an error that is not the guard's. */
async function call(transport: Transport, method: DescMethod, request: Message): Promise<Told> {
  try {
    if (method.methodKind === 'unary') await transport.unary(method as DescMethodUnary, undefined, 10_000, {}, request as never);
    else await firstOf(transport, method as DescMethodServerStreaming, request);
    return { letIn: true, text: 'answered' };
  } catch (thrown) {
    const { code, rawMessage } = ConnectError.from(thrown);
    const reason = reasonOf(thrown);
    return { letIn: reason !== 'kernel.PERMISSION_DENIED' && reason !== 'kernel.UNAUTHENTICATED' && !reason?.startsWith('sys-core.SESSION'), code, reason, text: `${Code[code]} ${reason}: ${rawMessage}` };
  }
}

/** A stream that waits for something to happen is silent where it was let in; all others answer. */
async function firstOf(transport: Transport, method: DescMethodServerStreaming, request: Message): Promise<void> {
  const enough = AbortSignal.timeout(method.name.startsWith('Watch') ? 1000 : 10_000);
  try {
    const { message } = await transport.stream(method, enough, undefined, {}, oneMessage(request) as never);
    for await (const _ of message) return;
  } catch (error) {
    if (!enough.aborted || !method.name.startsWith('Watch')) throw error;
  }
}
