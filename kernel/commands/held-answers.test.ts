import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '../errors/define-errors.ts';
import { HeldAnswers } from './held-answers.ts';

const message = create(EmptySchema);
const half = 200 * 1024;

test('a reader that takes nothing for too long ends the command, with a reason', async () => {
  const answers = new HeldAnswers(undefined, 20);
  await answers.add(message, half);
  await answers.add(message, half);
  await assert.rejects(answers.add(message, 1), (error) => reasonOf(error) === 'kernel.ANSWERS_NOT_READ' && /for 0\.02 seconds/.test(String(error)));
});

test('a reader that takes some now and then may be as slow as it likes', async () => {
  const answers = new HeldAnswers(undefined, 1000);
  const command = (async () => {
    for (let made = 0; made < 6; made++) await answers.add(message, half);
  })();
  let read = 0;
  for await (const _ of answers.until(command)) {
    read++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(read, 6);
});
