import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilLost } from './until-lost.ts';

async function* numbers(upTo: number, seen: { ended?: boolean }): AsyncGenerator<number> {
  try {
    for (let number = 1; number <= upTo; number++) yield number;
    if (upTo === 2) await new Promise(() => {});
  } finally {
    seen.ended = true;
  }
}

test('a stream whose caller keeps the right to it arrives whole, and stops listening', async () => {
  let listening = true;
  const got = await Array.fromAsync(untilLost(numbers(3, {}), () => () => { listening = false; }));
  assert.deepEqual(got, [1, 2, 3]);
  assert.equal(listening, false);
});

test('a stream that waits ends when the right to it is lost', async () => {
  let lose = (_: Error) => {};
  const messages = untilLost(numbers(2, {}), (lost) => { lose = lost; return undefined; });
  await messages.next();
  await messages.next();
  const waiting = messages.next();
  lose(new Error('locked'));
  await assert.rejects(waiting, /locked/);
});

test('a right that is lost between two messages ends the stream before the next', async () => {
  const seen: { ended?: boolean } = {};
  let lose = (_: Error) => {};
  const messages = untilLost(numbers(3, seen), (lost) => { lose = lost; return undefined; });
  await messages.next();
  lose(new Error('locked'));
  await assert.rejects(messages.next(), /locked/);
  assert.ok(seen.ended);
});

test('a reader that leaves ends the handler too', async () => {
  const seen: { ended?: boolean } = {};
  for await (const _ of untilLost(numbers(3, seen), () => undefined)) break;
  assert.ok(seen.ended);
});
