import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, createRouterTransport } from '@connectrpc/connect';
import { StandingService, type GetStandingRequest, type Standing } from '@mainstay/sys-accounts/contract';
import fc from 'fast-check';
import { StandingQuestions } from './standing-questions.ts';
import { Standings, type Proof } from './standings.ts';

const secret = 's'.repeat(43);

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The accounts' side: whose a session or key is, and how often that account changed, which `orgId` tells. */
function accounts(answered: () => Promise<void> = async () => {}) {
  const changes = new Map<string, number>();
  const requests: number[] = [];
  const seen = { underWay: 0, most: 0 };
  const standing = ({ proof }: GetStandingRequest) => {
    const id = proof.case === 'apiKey' ? proof.value.apiKeyId : proof.value!;
    return { active: true, accountId: accountOf(id), orgId: String(changes.get(accountOf(id)) ?? 0) };
  };
  const answer = async <T>(count: number, made: T): Promise<T> => {
    requests.push(count);
    seen.most = Math.max(seen.most, ++seen.underWay);
    await answered();
    seen.underWay--;
    return made;
  };
  const transport = createRouterTransport(({ service }) =>
    service(StandingService, {
      getStanding: (request) => answer(1, standing(request)),
      batchGetStandings: (request) => answer(request.requests.length, { standings: request.requests.map(standing) }),
    }),
  );
  return { changes, requests, seen, questions: new StandingQuestions(createClient(StandingService, transport)) };
}

const accountOf = (id: string) => `account-${id.split('-')[1]}`;
const proofOf = (id: string): Proof => (id.startsWith('session') ? { sessionId: id, accountId: accountOf(id) } : { apiKeyId: id, secret });

test('questions of one moment travel in few requests, and each gets its own answer', async () => {
  const { requests, seen, questions } = accounts(turn);
  const standings = new Standings(questions, 1000);
  const ids = Array.from({ length: 3500 }, (_, number) => `${number % 2 ? 'session' : 'key'}-${number}`);
  const answers = await Promise.all(ids.map((id) => standings.of(proofOf(id))));
  assert.deepEqual(answers.map(({ accountId }) => accountId), ids.map(accountOf));
  assert.deepEqual(requests, [1000, 1000, 1000, 500]);
  assert.equal(seen.most, 2);
});

test('a question alone is asked alone, and shared by all who ask meanwhile', async () => {
  const { requests, questions } = accounts();
  const standings = new Standings(questions, 1000);
  await Promise.all(Array.from({ length: 50 }, () => standings.of(proofOf('session-1'))));
  await standings.of(proofOf('session-1'));
  assert.deepEqual(requests, [1]);
});

test('a change has those asked about again whom it names, and nobody else', async () => {
  const { requests, questions } = accounts();
  const standings = new Standings(questions, 60_000);
  const ids = ['session-1', 'session-1-b', 'key-1', 'session-2', 'key-2'];
  const ask = () => Promise.all(ids.map((id) => standings.of(proofOf(id))));
  await ask();
  standings.changed(['account-1']);
  await ask();
  standings.changed(['session-2']);
  await ask();
  standings.changed(['account-3']);
  await ask();
  assert.deepEqual(requests, [5, 3, 1]);
});

test('whoever asks after a change never gets an answer from before it, in any order of answers', async () => {
  const id = fc.constantFrom('session-1', 'session-1-b', 'key-1', 'session-2', 'key-2');
  const step = fc.oneof(fc.record({ ask: id }), fc.record({ change: fc.constantFrom('account-1', 'account-2') }), fc.constant('pause' as const));
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 30 }), async (scheduler, steps) => {
      const { changes, questions } = accounts(() => scheduler.schedule(Promise.resolve()));
      const standings = new Standings(questions, 60_000);
      const asked: Promise<void>[] = [];
      const check = async (answer: Promise<Standing>, atLeast: number) => assert.ok(Number((await answer).orgId) >= atLeast);
      for (const taken of steps) {
        if (taken === 'pause') await turn();
        else if ('ask' in taken) asked.push(check(standings.of(proofOf(taken.ask)), changes.get(accountOf(taken.ask)) ?? 0));
        else {
          changes.set(taken.change, (changes.get(taken.change) ?? 0) + 1);
          standings.changed([taken.change]);
        }
      }
      await scheduler.waitFor(Promise.all(asked));
    }),
    { numRuns: 200 },
  );
});

test('a question that failed is asked again', async () => {
  let fails = true;
  const { requests, questions } = accounts(async () => {
    if (fails) throw new Error('not now');
  });
  const standings = new Standings(questions, 1000);
  await assert.rejects(Promise.all(['session-1', 'session-2'].map((id) => standings.of(proofOf(id)))));
  fails = false;
  assert.equal((await standings.of(proofOf('session-1'))).accountId, 'account-1');
  assert.deepEqual(requests, [2, 1]);
});
