import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError, createConnectRouter, type HandlerContext } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { callKey } from '../guard/call.ts';
import { longestTimeoutMs } from '../http/call-timeout.ts';
import type { ServedMethod } from '../placement/served-method.ts';
import type { PeerServerOptions } from './peer-server-options.ts';

/** Connect's own handler of one method: streams, and whatever else the protocol allows. Its calls arrive before their bodies are read. */
export function stockHandler({ method, handle }: ServedMethod, { arrive, bodyLimitBytes }: Pick<PeerServerOptions, 'arrive' | 'bodyLimitBytes'>, shutdownSignal: AbortSignal): UniversalHandler {
  const router = createConnectRouter({
    grpc: false, grpcWeb: false, acceptCompression: [], readMaxBytes: bodyLimitBytes, writeMaxBytes: 0xffff_ffff, maxTimeoutMs: longestTimeoutMs, shutdownSignal,
    requestGate: async (context: HandlerContext) => void context.values.set(callKey, await arrive(context.requestHeader, method)),
  });
  return router.rpc(method, handle as never).handlers[0]!;
}

/** Answers a request by Connect's own handler. */
export async function answerStock(handler: UniversalHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await universalResponseToNodeResponse(await handler(universalRequestFromNodeRequest(request, response, undefined, undefined)), response);
  } catch (error) {
    // The caller left while it was told.
    if (ConnectError.from(error).code !== Code.Aborted && !response.destroyed) throw error;
  }
}
