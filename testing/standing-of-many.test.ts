import assert from 'node:assert/strict';
import { once, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Code, ConnectError, createClient, type HandlerContext } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { Module } from '@mainstay/kernel';
import { until } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { NotificationsService, PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService, ApiKeysService, OrgsService, Role, SessionsService } from '@mainstay/sys-accounts/contract';
import fc from 'fast-check';
import { everyTopology, type TestDeployment } from './index.ts';
import { newBearers, type Bearer } from './new-bearers.ts';

/** How many streams have reached their handler: from then on they are open. */
let begun = 0;

/** Streams that only wait: thousands that read the database now and then would be a test of the database. */
async function* waiting(_: unknown, { signal }: HandlerContext): AsyncGenerator<never> {
  begun++;
  if (!signal.aborted) await once(signal, 'abort');
}

const promist = modules.find(({ name }) => name === 'mod-promist')!;
const quiet: Module = {
  ...promist,
  services: promist.services!.map((served) => (served.service === NotificationsService ? { ...served, implement: (needs) => ({ ...served.implement(needs), watchNotifications: waiting }) } : served)),
};

const options = { ownModules: [quiet], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-promist': null } };

/** A connection carries up to 250. */
const streamsOfConnection = 200;

interface OpenStream {
  bearer: Bearer;
  /** How it ended, if it did. */
  end?: ConnectError;
  ended: Promise<ConnectError>;
}

/** Opens a stream of each bearer in an org, by one connection; all of them end when the test does. */
function open(deployment: TestDeployment, orgId: string, bearers: readonly Bearer[], signal: AbortSignal): OpenStream[] {
  const notifications = createClient(NotificationsService, createGrpcTransport({ baseUrl: deployment.address }));
  return bearers.map((bearer) => {
    const messages = notifications.watchNotifications({}, { headers: headersOf(bearer, orgId), signal });
    const ended = Array.fromAsync(messages).then(() => new ConnectError('the stream ended', Code.Unknown), (error: unknown) => ConnectError.from(error));
    const stream: OpenStream = { bearer, ended };
    void ended.then((end) => (stream.end = end));
    return stream;
  });
}

const headersOf = ({ token }: Bearer, orgId: string) => ({ authorization: `Bearer ${token}`, 'mainstay-org': orgId });

/** The streams, once all of them are open. */
async function opened(deployment: TestDeployment, orgId: string, bearers: readonly Bearer[], signal: AbortSignal): Promise<OpenStream[]> {
  const streams: OpenStream[] = [];
  while (streams.length < bearers.length) {
    const next = bearers.slice(streams.length, streams.length + streamsOfConnection);
    const all = begun + next.length;
    streams.push(...open(deployment, orgId, next, signal));
    await until(() => begun >= all, 'the streams are open');
  }
  return streams;
}

/** Nothing that streams do by themselves ends them within this time. */
const longEnough = 10_000;

async function codesOf(streams: readonly OpenStream[]): Promise<string[]> {
  const late = pause(longEnough, new ConnectError('it went on', Code.DeadlineExceeded), { ref: false });
  return [...new Set((await Promise.all(streams.map(({ ended }) => Promise.race([ended, late])))).map(({ code }) => Code[code]))];
}

function untilOver() {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  return { signal: over.signal, [Symbol.dispose]: () => over.abort() };
}

/** 50 streams each: 2,000, and fewer where each passes through two processes. */
const accountsIn = ({ peers }: TestDeployment): number => (Object.keys(peers).length > 1 ? 8 : 40);

everyTopology('of many open streams exactly those end whose account, membership, session or key was ended', async (deployment) => {
  using over = untilOver();
  const { orgId, bearers } = await newBearers(deployment, { accounts: accountsIn(deployment), sessions: 25, keys: 25 });
  const streams = await opened(deployment, orgId, bearers, over.signal);
  const accountIds = [...new Set(bearers.map(({ accountId }) => accountId))];
  const of = (index: number, kind?: Bearer['kind']) => streams.filter(({ bearer }) => bearer.accountId === accountIds[index] && (!kind || bearer.kind === kind));
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const olga = await deployment.client(OrgsService, 'olga@acme.test');
  const [session, key] = [of(2, 'session')[0]!, of(3, 'key')[0]!];
  await Promise.all([
    root.lockAccount({ accountId: accountIds[0], reason: 'test' }),
    olga.removeMember({ orgId, accountId: accountIds[1] }),
    (await deployment.client(SessionsService, session.bearer.token)).deleteSession({ sessionId: 'current' }),
    (await deployment.client(ApiKeysService, key.bearer.token)).revokeApiKey({ apiKeyId: key.bearer.id }),
  ]);
  assert.deepEqual(await codesOf([...of(0), session, key]), ['Unauthenticated']);
  assert.deepEqual(await codesOf(of(1, 'session')), ['NotFound']);
  assert.deepEqual(await codesOf(of(1, 'key')), ['Unauthenticated']);
  // What the first changes could have ended wrongly would have ended before this.
  await root.lockAccount({ accountId: accountIds[4], reason: 'test' });
  assert.deepEqual(await codesOf(of(4)), ['Unauthenticated']);
  const ended = new Set([...of(0), ...of(1), session, key, ...of(4)]);
  assert.deepEqual(streams.filter((stream) => stream.end && !ended.has(stream)), []);
}, options);

everyTopology('no stream survives that is opened while its account is locked', async (deployment) => {
  using over = untilOver();
  const { orgId, bearers } = await newBearers(deployment, { accounts: 5, sessions: 20, keys: 20 });
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  for (const accountId of new Set(bearers.map((bearer) => bearer.accountId))) {
    const own = bearers.filter((bearer) => bearer.accountId === accountId);
    const locked = root.lockAccount({ accountId, reason: 'test' });
    const streams: OpenStream[] = [];
    for (const bearer of own) {
      streams.push(...open(deployment, orgId, [bearer], over.signal));
      await new Promise(setImmediate);
    }
    await locked;
    assert.deepEqual(await codesOf(streams), ['Unauthenticated']);
  }
}, options);

type Step = { act: 'lock' | 'unlock' | 'remove' | 'add' | 'raise' | 'lower' | 'end' | 'join'; who: number };

const anyStep: fc.Arbitrary<Step> = fc.record({ act: fc.constantFrom('lock', 'unlock', 'remove', 'add', 'raise', 'lower', 'end', 'join'), who: fc.nat({ max: 8 }) });

/** What the accounts may, as it should be. */
class Expected {
  readonly locked = new Set<string>();
  readonly removed = new Set<string>();
  readonly raised = new Set<string>();
  readonly ended = new Set<Bearer>();

  /** What a call of the bearer in the org is refused with, if it is. */
  refusal(bearer: Bearer): Code | undefined {
    if (this.locked.has(bearer.accountId) || this.ended.has(bearer)) return Code.Unauthenticated;
    if (!this.removed.has(bearer.accountId)) return undefined;
    return bearer.kind === 'key' ? Code.Unauthenticated : Code.NotFound;
  }
}

everyTopology('after any change each call and each open stream is let in or refused as its account then stands', async (deployment) => {
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const olga = await deployment.client(OrgsService, 'olga@acme.test');
  const promises = createClient(PromisesService, createGrpcTransport({ baseUrl: deployment.address }));

  const take = async ({ act, who }: Step, orgId: string, bearers: readonly Bearer[], expected: Expected): Promise<void> => {
    const bearer = bearers[who % bearers.length]!;
    const { accountId, email } = bearer;
    const { locked, removed, raised, ended } = expected;
    if (act === 'lock' && !locked.has(accountId)) {
      await root.lockAccount({ accountId, reason: 'test' });
      locked.add(accountId);
      // Its keys come back when it is unlocked, its sessions do not.
      for (const other of bearers) if (other.accountId === accountId && other.kind === 'session') ended.add(other);
    }
    if (act === 'unlock' && locked.delete(accountId)) await root.unlockAccount({ accountId });
    if (act === 'remove' && !removed.has(accountId)) {
      await olga.removeMember({ orgId, accountId });
      removed.add(accountId);
      raised.delete(accountId);
    }
    if (act === 'add' && removed.delete(accountId)) await olga.addMember({ orgId, email, role: Role.USER });
    if (act === 'raise' && !removed.has(accountId) && !raised.has(accountId)) {
      await olga.grantRole({ orgId, accountId, role: Role.ADMIN });
      raised.add(accountId);
    }
    if (act === 'lower' && raised.delete(accountId)) await olga.revokeRole({ orgId, accountId, role: Role.ADMIN });
    if (act === 'end' && !expected.refusal(bearer)) {
      if (bearer.kind === 'session') await (await deployment.client(SessionsService, bearer.token)).deleteSession({ sessionId: 'current' });
      else await (await deployment.client(ApiKeysService, bearer.token)).revokeApiKey({ apiKeyId: bearer.id });
      ended.add(bearer);
    }
  };

  const holds = async (steps: readonly Step[]): Promise<void> => {
    using over = untilOver();
    const { orgId, bearers } = await newBearers(deployment, { accounts: 3, sessions: 2, keys: 1 });
    const expected = new Expected();
    const streams: OpenStream[] = [];
    for (const step of steps) {
      const without = bearers.filter((bearer) => !expected.refusal(bearer) && !streams.some((stream) => stream.bearer === bearer));
      streams.push(...(step.act === 'join' ? await opened(deployment, orgId, without, over.signal) : open(deployment, orgId, without, over.signal)));
      await take(step, orgId, bearers, expected);
      const refusals = await Promise.all(bearers.map((bearer) => promises.listPromises({}, { headers: headersOf(bearer, orgId) }).then(() => undefined, (error: unknown) => ConnectError.from(error).code)));
      assert.deepEqual(refusals, bearers.map((bearer) => expected.refusal(bearer)));
      for (const stream of streams.splice(0)) {
        const refusal = expected.refusal(stream.bearer);
        if (refusal) assert.deepEqual(await codesOf([stream]), [Code[refusal]]);
        else streams.push(stream);
      }
      assert.deepEqual(streams.filter(({ end }) => end), []);
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 15 }), holds), { numRuns: 6 });
}, options);
