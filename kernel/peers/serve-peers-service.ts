import { deserialize, serialize } from 'node:v8';
import type { DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { PeersService, type PeerStateSchema } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import { kernelErrors } from '../errors/kernel-errors.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { callKey } from '../guard/call.ts';
import { validateMessage } from '../placement/validate-message.ts';
import type { Logger } from '../telemetry/log.ts';

/** What this process does for the others. */
export interface PeerDuties {
  state(): MessageInitShape<typeof PeerStateSchema>;
  /** `orgId` is empty where the event is not meant for one org of a shard. */
  deliver(module: string, handler: string, event: CloudEvent, orgId: string): Promise<void>;
  /** Operations by name. */
  operate(operation: string, given: unknown[]): Promise<unknown>;
  changed(ids: ReadonlySet<string>): void;
}

type Handler = (request: never, context: HandlerContext) => Promise<never>;

/** The service that the processes of a deployment have for each other; only their kernels may call it. */
export function peersService(duties: PeerDuties, log: Logger): ServiceImpl<typeof PeersService> {
  const methods: Record<string, Handler> = implementation(duties) as never;
  return Object.fromEntries(PeersService.methods.map((method) => [method.localName, betweenKernels(method, methods[method.localName]!, log)])) as never;
}

function implementation(duties: PeerDuties): ServiceImpl<typeof PeersService> {
  return {
    getState: () => duties.state(),
    async deliver({ module, handler, event, orgId }) {
      await duties.deliver(module, handler, JSON.parse(Buffer.from(event).toString()) as CloudEvent, orgId);
      return {};
    },
    operate: async ({ operation, arguments: given }) => ({ result: serialize(await duties.operate(operation, given.length > 0 ? (deserialize(given) as unknown[]) : [])) }),
    tellChanged({ ids }) {
      duties.changed(new Set(ids));
      return {};
    },
  };
}

function betweenKernels(method: DescMethod, handle: Handler, log: Logger): Handler {
  return async (request, context) => {
    const call = context.values.get(callKey);
    if (call?.callerModule !== 'kernel') throw kernelErrors.PERMISSION_DENIED({ because: 'only processes of the deployment call this, for themselves' });
    validateMessage(method.input, request);
    try {
      return await handle(request, context);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      log.error({ err: error, method: method.name, traceId: call.traceId }, 'what another process asked for failed');
      throw kernelErrors.INTERNAL({ traceId: call.traceId });
    }
  };
}

/** Asks another process for an operation. */
export async function operateAt<R>(client: { operate(request: { operation: string; arguments: Uint8Array<ArrayBuffer> }): Promise<{ result: Uint8Array }> }, operation: string, ...given: unknown[]): Promise<R> {
  const { result } = await client.operate({ operation, arguments: new Uint8Array(serialize(given)) });
  return deserialize(result) as R;
}
