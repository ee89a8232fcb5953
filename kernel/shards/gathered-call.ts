import { toJson, type DescField, type DescMessage, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import type { ContextValues, Transport, UnaryResponse } from '@connectrpc/connect';
import { callKey } from '../guard/call.ts';
import type { RequestHeader } from '../placement/in-process-call.ts';

/** A unary call on its way to some shards. */
export interface GatheredCall {
  method: DescMethodUnary;
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
  header: RequestHeader;
  message: Message;
  values: ContextValues | undefined;
}

/** Sends a unary call to one shard. */
export const send = (shard: Transport, { method, signal, timeoutMs, header, message, values }: GatheredCall): Promise<UnaryResponse> =>
  shard.unary(method, signal, timeoutMs, header, message as never, values);

/** Who asks, and what, for the page tokens of lists: without its page. */
export function askedOf({ method, message, values }: GatheredCall, without: readonly DescField[]): unknown {
  const call = values?.get(callKey);
  const json = toJson(method.input as DescMessage, message) as Record<string, unknown>;
  for (const { jsonName } of without) delete json[jsonName];
  return [call && { ...call.principal, sessionId: undefined, roles: undefined }, json];
}
