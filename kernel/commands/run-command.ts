import { create, fromBinary, toBinary, type DescMethod, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { isRepeatable, isStalePlan } from '../data/database-errors.ts';
import { requireRoom } from '../data/disk-room.ts';
import { repeatedly } from '../data/repeat.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { requireCompared } from '../queries/etag.ts';
import { DONE, recordOf, type Kept } from './command-record.ts';
import type { CommandScope } from './command-scope.ts';
import type { Commands } from './commands.ts';
import { checkKey, idempotencyErrors } from './idempotency.ts';
import { startAnew } from './nested-key.ts';

/** A command that was let in, with its checked request. */
export interface RunningCommand {
  commands: Commands;
  method: DescMethod;
  call: Call;
  request: Message;
  context: HandlerContext;
  /** Called when it took effect, where its caller may hear of that later. */
  done?: () => void;
}

type Answer = MessageInitShape<DescMethod['output']>;
type Handle = () => Promise<Answer> | Answer;

/**
 * Runs a unary command as one transaction: what its handler wrote, its events and jobs, its record for the audit and,
 * if it has an idempotency key, its answer commit together after the handler returned, or nothing of it. With a key
 * that a command had before, that one's answer is given and nothing runs.
 *
 * A transaction that PostgreSQL gave up for another's sake is tried again with the whole handler, since what it read may
 * have changed; not after it called a command of another service without a key, which would be done twice.
 */
export async function runCommand(running: RunningCommand, handle: Handle): Promise<Answer> {
  const { call, commands } = running;
  const key = call.idempotencyKey;
  const mayRepeat = () => key !== undefined || !(call.nestedCommands || call.orgsEntered);
  try {
    const answer = await (key === undefined ? repeatedly(() => runOnce(running, handle), mayRepeat) : runWithKey(running, key, handle));
    commands.kept();
    return answer;
  } catch (error) {
    throw isRepeatable(error) ? Object.assign(idempotencyErrors.STOOD_IN_THE_WAY(), { cause: error }) : error;
  }
}

function runOnce({ call, commands, method, request }: RunningCommand, handle: Handle): Promise<Answer> {
  return inScope(call, commands, async (scope) => {
    const answer = await answerOf(call, handle);
    await scope.commit([commands.statements.insert(recordOf(call, method, request, DONE, answer))]);
    return answer;
  });
}

async function answerOf(call: Call, handle: Handle): Promise<Answer> {
  const answer = await runInCall(call, handle);
  requireCompared(call);
  return answer;
}

function runWithKey(running: RunningCommand, key: string, handle: Handle): Promise<Answer> {
  checkKey(key);
  const { call, commands, method, request } = running;
  const name = commands.idempotency.nameKey(call, method, key);
  // Before its handler has it, who may change it.
  const requestHash = commands.idempotency.hashRequest(method, request);
  return commands.inTurn.run(name.toString('base64'), () => repeatedly(() => runUnlessKept(running, name, requestHash, handle)));
}

/**
 * Runs a command whose key is new. Of several at the same moment, in any process, the first to commit takes the key by its
 * unique index: the others wait for it there, are undone, and give its answer.
 */
async function runUnlessKept(running: RunningCommand, name: Buffer, requestHash: Buffer, handle: Handle): Promise<Answer> {
  const { call, commands, method, request } = running;
  const { statements, idempotency } = commands;
  const before = await readKept(running, name);
  if (before) return replay(running, before, name, requestHash);
  try {
    return await inScope(call, commands, async (scope) => {
      const answer = await answerOf(call, handle);
      const bytes = idempotency.seal(method, toBinary(method.output, create(method.output, answer)), name);
      await scope.commit([statements.insertWithKey(recordOf(call, method, request, DONE, answer), name, requestHash, bytes)]);
      return answer;
    });
  } catch (error) {
    if (isRepeatable(error) || isStalePlan(error)) throw error;
    // It may have failed because of what another with the same key did.
    const first = await readKept(running, name).catch(() => undefined);
    if (!first) throw error;
    return replay(running, first, name, requestHash);
  }
}

/** What was kept of the first command with a key, if there was one. */
export const readKept = ({ call, commands: { database, statements } }: RunningCommand, name: Buffer): Promise<Kept | undefined> =>
  runInCall(call, () => database.read((q) => statements.kept.first(q, { name })));

const replay = (running: RunningCommand, kept: Kept, name: Buffer, requestHash: Buffer): Answer =>
  fromBinary(running.method.output, keptBytes(running, kept, name, requestHash)) as Answer;

/** The bytes that were answered before; throws `IDEMPOTENCY_KEY_REUSED` if that was to another request. */
export function keptBytes({ commands, method, context }: RunningCommand, { request_hash, answer }: Kept, name: Buffer, requestHash: Buffer): Uint8Array {
  if (!request_hash.equals(requestHash)) throw idempotencyErrors.IDEMPOTENCY_KEY_REUSED();
  context.responseHeader.set('idempotency-replayed', 'true');
  return commands.idempotency.unseal(method, answer, name);
}

/** Runs `work` with a transaction for `call`, which is undone unless `work` commits it. `streams`: it may last. */
export async function inScope<R>(call: Call, { database }: Pick<Commands, 'database'>, work: (scope: CommandScope) => Promise<R>, streams = false): Promise<R> {
  requireRoom(database);
  const scope = (call.command = database.beginCommand(call, streams));
  startAnew(call);
  try {
    return await work(scope);
  } catch (error) {
    // The handler may have made something else of it.
    throw isRepeatable(scope.failure) || isStalePlan(scope.failure) ? scope.failure : error;
  } finally {
    await scope.rollback();
  }
}
