import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { getOption, toJsonString, type DescField, type DescMethod, type DescMethodServerStreaming, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { Module } from '@mainstay/kernel';
import { kind, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { oneMessage } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { ContactsService, ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService, OrgsService, Role, SessionsService } from '@mainstay/sys-accounts/contract';
import fc from 'fast-check';
import { anyMessage } from './any-message.ts';
import { everyTopology, type TestDeployment } from './index.ts';

const password = 'mainstay-demo';
const methods = (modules as readonly Module[]).flatMap(({ services = [] }) => services).flatMap(({ service }) => service.methods);
/** The same calls in every run of the checks; `MAINSTAY_SWEEP=SEED,FACTOR` makes others, and so many times as many. */
const [seed = 1, factor = 1] = (process.env.MAINSTAY_SWEEP ?? '').split(',').filter(Boolean).map(Number);

/** Someone who acts in an org. What the org owns carries its mark, so that any of it is recognised anywhere. */
interface Member {
  mark: string;
  orgId: string;
  accountId: string;
  transport: Transport;
  made: number;
}

/** Orgs of some members each, and what the model knows of them: the ids of everything, and page tokens. */
interface World {
  members: Member[];
  /** By the kind of field that takes them. */
  ids: Ids[];
}

interface Ids {
  orgId: string;
  org: string;
  account: string;
  contact: string;
  project: string;
  token: string;
  promises: string[];
  reminders: string[];
  filters: string[];
}

/** The texts of a world that a field of some name could take. */
const idsFor = (ids: readonly Ids[]) => ({ name, parent }: DescField): string[] => {
  const kinds: [RegExp, (of: Ids) => string[]][] = [
    [/filter|^q$|search|tag/, (of) => of.filters],
    [/page_token/, (of) => [of.token]],
    [/project/, (of) => [of.project]],
    [/org/, (of) => [of.org]],
    [/account/, (of) => [of.account]],
    [/contact/, (of) => [of.contact]],
    [/reminder/, (of) => of.reminders],
    [/promise/, (of) => of.promises],
  ];
  const kind = kinds.find(([pattern]) => pattern.test(name)) ?? kinds.find(([pattern]) => name === 'id' && pattern.test(parent.name.toLowerCase()));
  return ids.flatMap((of) => (kind ? kind[1](of) : []));
};

async function makeWorld(deployment: TestDeployment, sizes: readonly number[]): Promise<World> {
  const members: Member[] = [];
  const ids: Ids[] = [];
  for (const size of sizes) {
    const mark = `mark${randomUUID().replaceAll('-', '')}`;
    let orgId = '';
    for (let at = 0; at < size; at++) {
      const member = await makeMember(deployment, mark, orgId, members.at(-1));
      orgId = member.orgId;
      members.push(member);
      ids.push(await fill(member));
    }
  }
  return { members, ids };
}

/** The first member of an org makes it; the others are added by the one before. */
async function makeMember(deployment: TestDeployment, mark: string, orgId: string, before: Member | undefined): Promise<Member> {
  const anyone = createGrpcTransport({ baseUrl: deployment.address });
  const email = `${mark}-${randomUUID()}@orgs.test`;
  const { accountId } = await createClient(AccountsService, anyone).registerAccount({ email, password, displayName: `${mark} person` });
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const id = orgId || (await root.createOrg({ org: { name: `${mark} org`, contact: `${mark} contact` } })).orgId;
  await (before && orgId ? createClient(OrgsService, before.transport) : root).addMember({ orgId: id, email, role: Role.ADMIN });
  const { accessToken } = await createClient(SessionsService, anyone).createSession({ email, password, org: id });
  return { mark, orgId: id, accountId, transport: signedIn(deployment, accessToken), made: 0 };
}

function signedIn(deployment: TestDeployment, token: string): Transport {
  return createGrpcTransport({ baseUrl: deployment.address, interceptors: [(next) => (request) => (request.header.set('authorization', `Bearer ${token}`), next(request))] });
}

/** Gives a member something of each kind; the ids of all of it, and a token of a second page. */
async function fill(member: Member): Promise<Ids> {
  const { mark, orgId, transport } = member;
  const promises = createClient(PromisesService, transport);
  const contact = await createClient(ContactsService, transport).createContact({ contact: { name: `${mark} friend`, email: `${mark}@friends.test` } });
  const project = await createClient(OrgsService, transport).createProject({ orgId, project: { name: `${mark} ${randomUUID()}` } });
  const made = [];
  for (let at = 0; at < 3; at++) made.push(await promises.createPromise({ promise: { title: `${mark} title`, tags: [`${mark}tag`], promisee: { who: { case: 'contactId', value: contact.id } }, reminders: [{ time: { seconds: 4_000_000_000n } }] } }));
  await promises.fulfillPromise({ promiseId: made[0]!.id });
  member.made += made.length;
  const { nextPageToken } = await promises.listPromises({ pageSize: 1 });
  return {
    orgId,
    org: orgId, account: member.accountId, contact: contact.id, project: project.projectId, token: nextPageToken,
    promises: made.map(({ id }) => id),
    reminders: made.map(({ reminders }) => reminders[0]!.id),
    filters: [`title = "${mark} title"`, `tags : "${mark}tag"`, mark],
  };
}

/** Everything of an org that its members see, as text. */
async function stateOf({ members }: World): Promise<string> {
  const seen = [];
  for (const { transport, orgId } of members) {
    const { promises, nextPageToken } = await createClient(PromisesService, transport).listPromises({ view: View.ALL, shelf: Shelf.BOTH, pageSize: 1000 });
    const deleted = await createClient(PromisesService, transport).listPromises({ view: View.ALL, shelf: Shelf.DELETED, pageSize: 1000 });
    const { contacts } = await createClient(ContactsService, transport).listContacts({ pageSize: 1000 });
    const orgs = createClient(OrgsService, transport);
    const [org, projects, people] = await Promise.all([orgs.getOrg({ orgId }), orgs.listProjects({ orgId, pageSize: 1000 }), orgs.listMembers({ orgId, pageSize: 1000 })]);
    const sorted = [promises, deleted.promises, contacts, projects.projects, people.members].map((things) => (things as object[]).map((thing) => textOf(thing)).sort());
    seen.push([nextPageToken, textOf(org), sorted]);
  }
  return JSON.stringify(seen);
}

const textOf = (value: unknown): string => JSON.stringify(value, (key, inner: unknown) => (key === 'updateTime' ? undefined : typeof inner === 'bigint' ? String(inner) : inner));

/** Calls a method, and gives everything it answered as text, also an error's; nothing where it did not answer in time. */
async function answerOf(transport: Transport, method: DescMethod, request: Message): Promise<string> {
  try {
    if (method.methodKind === 'unary') return toJsonString(method.output, (await transport.unary(method as DescMethodUnary, undefined, 10_000, {}, request as never)).message);
    const { message } = await transport.stream(method as DescMethodServerStreaming, AbortSignal.timeout(60), undefined, {}, oneMessage(request) as never);
    let text = '';
    for await (const part of message) text += textOf(part);
    return text;
  } catch (error) {
    return String(error);
  }
}

everyTopology('no call reads, counts or changes a row of another org, whatever ids, filters and page tokens it names', async (deployment) => {
  const world = await makeWorld(deployment, [2, 1, 2]);
  const outsider = (await makeWorld(deployment, [1])).members[0]!;
  const before = await stateOf(world);
  const foreign = new RegExp([...new Set(world.members.map(({ mark }) => mark))].join('|'));
  for (const method of methods) {
    const requests = anyMessage(method.input, idsFor(world.ids));
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const asked = textOf(request);
        const answer = await answerOf(outsider.transport, method, request);
        // What the caller wrote into the request may come back.
        const leaked = answer.match(foreign)?.[0];
        assert.ok(!leaked || asked.includes(leaked), `${method.parent.typeName}/${method.name} ${asked} answered ${answer}`);
      }),
      { seed, numRuns: 8 * factor, endOnFailure: true },
    );
  }
  assert.equal(await stateOf(world), before);
});

everyTopology("counts, statistics and lists hold a caller's own org alone", async (deployment) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 3 }), async (sizes) => {
      const { members } = await makeWorld(deployment, sizes);
      for (const { transport, orgId, made, mark } of members) {
        const promises = createClient(PromisesService, transport);
        const { promises: listed, totalSize } = await promises.listPromises({ view: View.ALL, shelf: Shelf.BOTH, countTotal: true, pageSize: 1000 });
        assert.deepEqual([listed.length, totalSize], [made, made]);
        const { total } = await promises.getStatistics({});
        assert.equal(total!.kept + total!.pending, made);
        for (const filter of [`title = "${mark} title"`, `tags : "${mark}tag"`]) assert.equal((await promises.listPromises({ view: View.ALL, shelf: Shelf.BOTH, filter, countTotal: true })).totalSize, made);
        for (const other of members.filter((each) => each.mark !== mark)) {
          for (const filter of [`title = "${other.mark} title"`, `tags : "${other.mark}tag"`]) assert.equal((await promises.listPromises({ view: View.ALL, shelf: Shelf.BOTH, filter, countTotal: true })).totalSize, 0);
        }
        const size = members.filter((each) => each.orgId === orgId).length;
        const people = (await createClient(OrgsService, transport).listMembers({ orgId, pageSize: 1000 })).members;
        assert.equal(people.filter(({ email }) => email !== 'root@mainstay.test').length, size);
      }
    }),
    { seed, numRuns: 2 * factor, endOnFailure: true },
  );
});

everyTopology("a page token of another person or org is refused", async (deployment) => {
  const { members } = await makeWorld(deployment, [2, 1]);
  for (const from of members) {
    const { nextPageToken } = await createClient(PromisesService, from.transport).listPromises({ pageSize: 1 });
    for (const other of members.filter((member) => member !== from)) await assert.rejects(createClient(PromisesService, other.transport).listPromises({ pageSize: 1, pageToken: nextPageToken }));
  }
});

everyTopology('a command with ids of another org leaves that org as it was', async (deployment) => {
  const world = await makeWorld(deployment, [1, 1]);
  const [caller, other] = world.members as [Member, Member];
  const before = await stateOf({ members: [other], ids: [] });
  const theirs = world.ids.filter(({ orgId }) => orgId === other.orgId);
  for (const method of methods.filter((each) => getOption(each, kind) === Kind.COMMAND)) {
    await fc.assert(fc.asyncProperty(anyMessage(method.input, idsFor(theirs)), async (request) => void (await answerOf(caller.transport, method, request))), { seed, numRuns: 6 * factor, endOnFailure: true });
  }
  assert.equal(await stateOf({ members: [other], ids: [] }), before);
});
