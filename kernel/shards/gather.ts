import { create, type DescField, type DescMethod, type DescMethodStreaming, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type StreamResponse, type Transport, type UnaryResponse } from '@connectrpc/connect';
import { Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { nameOf } from '../commands/command-record.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { kindOf } from '../module/check-modules.ts';
import { oneMessage } from '../placement/one-message.ts';
import { gatherList } from './gather-list.ts';
import { send, type GatheredCall } from './gathered-call.ts';
import { listOf } from './list-shape.ts';

export interface GatherOptions {
  /** One of each shard, in their order; all of them. */
  shards: readonly Transport[];
  /** The deployment's secret. */
  secret: string;
}

/**
 * Answers calls that are about all orgs for a service in shards, as one database with all rows would: a list from every
 * shard; what is found by its id from the shard that has it. Streams of answers come one shard after the other.
 */
export function gather({ shards, secret }: GatherOptions): Transport {
  return {
    unary: async (method, signal, timeoutMs, header, input, values) => {
      const call: GatheredCall = { method, signal, timeoutMs, header, message: create(method.input, input) as Message, values };
      const list = listOf(method);
      if (list) return (await gatherList(call, list, shards, secret)) as never;
      return (await (kindOf(method) === Kind.QUERY ? askAll(shards, call) : runWhereItIs(shards, call))) as never;
    },
    stream: async (method, signal, timeoutMs, header, input, values) => {
      if (method.methodKind !== 'server_streaming' || kindOf(method) !== Kind.QUERY) throw kernelErrors.ORG_NEEDED({ method: nameOf(method) });
      const messages: unknown[] = [];
      for await (const message of input) messages.push(message);
      const open = (shard: Transport) => shard.stream(method, signal, timeoutMs, header, oneMessage(messages[0]) as never, values);
      return oneAfterTheOther(method, shards, open) as never;
    },
  };
}

/** The answer of the shard that has what is asked for. */
async function askAll(shards: readonly Transport[], call: GatheredCall): Promise<UnaryResponse> {
  const answers = await Promise.allSettled(shards.map((shard) => send(shard, call)));
  const found = answers.find((answer) => answer.status === 'fulfilled');
  if (found) return found.value;
  throw answerOf(answers.map((answer) => (answer as PromiseRejectedResult).reason as unknown));
}

/** Where a shard could not say, nobody knows that there is none. */
const answerOf = (errors: readonly unknown[]): unknown => errors.find((error) => !isNotFound(error)) ?? errors[0];

const isNotFound = (error: unknown): boolean => error instanceof ConnectError && error.code === Code.NotFound;

/**
 * Runs a command in the shard that has what it is about. Where the service tells that by a query, that is asked first;
 * else they are tried in turn, since a command that does not find it has changed nothing.
 */
async function runWhereItIs(shards: readonly Transport[], call: GatheredCall): Promise<UnaryResponse> {
  const looking = queryFor(call);
  const looked = looking ? await Promise.allSettled(shards.map((shard) => send(shard, looking))) : [];
  const owner = looked.findIndex(({ status }) => status === 'fulfilled');
  if (owner >= 0) return send(shards[owner]!, call);
  const errors: unknown[] = [];
  for (const shard of shards) {
    try {
      return await send(shard, call);
    } catch (error) {
      errors.push(error);
      if (!isNotFound(error)) break;
    }
  }
  throw answerOf(errors);
}

/** The query that gets what a command names, such as `GetThing` for `CloseThing`, both by their first field `thing_id`. */
function queryFor(call: GatheredCall): GatheredCall | undefined {
  const [id] = call.method.input.fields;
  if (!isId(id)) return undefined;
  const isGet = (other: DescMethod): other is DescMethodUnary => other.methodKind === 'unary' && other.name.startsWith('Get') && kindOf(other) === Kind.QUERY && other.input.fields[0]?.name === id.name && isId(other.input.fields[0]);
  const method = call.method.parent.methods.find(isGet);
  return method && { ...call, method, message: create(method.input, { [id.localName]: (call.message as unknown as Record<string, unknown>)[id.localName] }) as Message };
}

const isId = (field: DescField | undefined): field is DescField => field?.fieldKind === 'scalar' && (field.name === 'id' || field.name.endsWith('_id'));

async function oneAfterTheOther(method: DescMethodStreaming, shards: readonly Transport[], open: (shard: Transport) => Promise<StreamResponse>): Promise<StreamResponse> {
  const first = await open(shards[0]!);
  return { ...first, method, message: messagesOf(first, shards.slice(1), open) } as StreamResponse;
}

async function* messagesOf(first: StreamResponse, others: readonly Transport[], open: (shard: Transport) => Promise<StreamResponse>): AsyncGenerator<unknown> {
  yield* first.message as AsyncIterable<unknown>;
  for (const shard of others) yield* (await open(shard)).message as AsyncIterable<unknown>;
}
