import assert from 'node:assert/strict';
import type { Damage, FuzzCase } from './any-case.ts';
import { checkProblem, checkStatus, inside, type Verdict } from './check-answer.ts';
import { closedWith, type SocketMessage } from './frames-of.ts';
import type { AnswerFrame, SocketAnswer } from './fuzz-sockets.ts';

/** Fails unless every frame is one that somebody meant to send, each call ends once, and the socket was closed only where it had to be. */
export function checkFrames(asked: FuzzCase, sent: readonly SocketMessage[], { frames, closed }: SocketAnswer): Verdict {
  assert.equal(closed, closedWith(sent), 'the code with which the socket was closed');
  const ended = new Set<unknown>();
  for (const frame of frames) checkFrame(frame, asked, ended);
  const last = frames.findLast((frame) => isOfCase(frame) && !('message' in frame)) ?? frames.findLast(({ id }) => id === undefined && !beside.has(asked.damage?.kind));
  if (last && 'end' in last) return 'accepted';
  const { status } = (last?.error ?? {}) as { status?: number };
  if (status === 499 || status === 504) return 'unknown';
  return last || closed !== undefined ? 'refused' : 'unknown';
}

/** With these, a complaint may be about another frame than the one that begins the call, which may still be under way. */
const beside = new Set<Damage | undefined>(['end', 'early', 'late', 'same id', 'cancel', 'ended twice', 'strange']);

const isOfCase = ({ id }: AnswerFrame): boolean => String(id).startsWith('case ');

function checkFrame(frame: AnswerFrame, asked: FuzzCase, ended: Set<unknown>): void {
  const { id, ...rest } = frame;
  const [what, ...more] = Object.keys(rest);
  assert.deepEqual(more, [], `a frame with more than one thing: ${JSON.stringify(frame)}`);
  // An id may be used again once its call has ended.
  assert.ok(!ended.has(id) || asked.damage?.kind === 'same id', `a frame of a call that has ended: ${JSON.stringify(frame)}`);
  if (what !== 'error') {
    assert.ok(id !== undefined && typeof rest[what!] === 'object', JSON.stringify(frame));
    assert.ok(what === 'message' || what === 'end', `a frame of no known kind: ${JSON.stringify(frame)}`);
  } else {
    checkStatus(checkProblem(rest.error), asked);
    assert.doesNotMatch(JSON.stringify(rest.error), inside);
  }
  if (what !== 'message' && id !== undefined) ended.add(id);
}
