import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Code, ConnectError } from '@connectrpc/connect';
import type { AccessRequest, Decision, Principal } from '@mainstay/kernel';
import { OpenStreams } from './open-streams.ts';

type Account = Extract<Principal, { kind: 'account' }>;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Streams of sessions, what is answered about each session, and which were ended. */
function watching(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const refused = new Map<string, ConnectError>();
  const asked: string[] = [];
  const ended: string[] = [];
  let decision: Decision = { allowed: true };
  const streams = new OpenStreams({
    renewed: async (principal) => {
      const { sessionId } = principal as Account;
      asked.push(sessionId);
      if (refused.has(sessionId)) throw refused.get(sessionId)!;
      return principal;
    },
    decide: () => decision,
  });
  const open = (accountId: string, sessionId: string) => {
    const principal: Account = { kind: 'account', accountId, sessionId, orgId: 'acme', roles: [] };
    return streams.add({ principal } as AccessRequest, (error) => ended.push(`${sessionId} ${Code[ConnectError.from(error).code]}`));
  };
  return { streams, refused, asked, ended, open, decide: (made: Decision) => (decision = made) };
}

const locked = new ConnectError('locked', Code.Unauthenticated);

test('a stream that was let in by what no longer holds ends at once', async (t) => {
  const { refused, ended, open } = watching(t);
  refused.set('a', locked);
  open('ann', 'a');
  open('ben', 'b');
  await turn();
  assert.deepEqual(ended, ['a Unauthenticated']);
});

test('a change has the streams looked at that it names, and no others', async (t) => {
  const { streams, refused, asked, ended, open } = watching(t);
  for (const session of ['a1', 'a2']) open('ann', session);
  open('ben', 'b');
  await turn();
  asked.length = 0;
  refused.set('a1', locked).set('b', locked);
  streams.changed(['ann', 'a1', 'nobody']);
  await turn();
  assert.deepEqual(asked, ['a1', 'a2']);
  assert.deepEqual(ended, ['a1 Unauthenticated']);
});

test('a stream of which nothing can be learnt goes on, and is looked at again until something is', async (t) => {
  const { streams, refused, ended, open } = watching(t);
  open('ann', 'a');
  await turn();
  refused.set('a', new ConnectError('no database', Code.Unavailable));
  streams.changed(['ann']);
  await turn();
  t.mock.timers.tick(1000);
  await turn();
  assert.deepEqual(ended, []);
  refused.set('a', locked);
  t.mock.timers.tick(1000);
  await turn();
  assert.deepEqual(ended, ['a Unauthenticated']);
});

test('a change while streams are being looked at is not missed', async (t) => {
  const { streams, refused, ended, open } = watching(t);
  open('ann', 'a');
  streams.changed(['ann']);
  refused.set('a', locked);
  streams.changed(['ann']);
  await turn();
  assert.deepEqual(ended, ['a Unauthenticated']);
});

test('every stream is looked at from time to time, and none that was closed', async (t) => {
  const { asked, open } = watching(t);
  const closing = open('ann', 'a');
  open('ben', 'b');
  await turn();
  asked.length = 0;
  closing();
  t.mock.timers.tick(15_000);
  await turn();
  assert.deepEqual(asked, ['b']);
});

test('a lost role ends a stream', async (t) => {
  const { streams, ended, open, decide } = watching(t);
  open('ann', 'a');
  await turn();
  decide({ allowed: false, because: 'no role' });
  streams.changed(['ann']);
  await turn();
  assert.deepEqual(ended, ['a PermissionDenied']);
});
