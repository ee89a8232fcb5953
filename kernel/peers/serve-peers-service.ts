import { deserialize, serialize } from 'node:v8';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { PeersService, type PeerStateSchema } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import { kernelErrors } from '../errors/kernel-errors.ts';
import type { CloudEvent } from '../events/deliver-event.ts';
import { callKey } from '../guard/call.ts';
import { validateMessage } from '../placement/validate-message.ts';
import type { Logger } from '../telemetry/log.ts';

/** What this process does for the others. */
export interface PeerDuties {
  state(): MessageInitShape<typeof PeerStateSchema>;
  deliver(module: string, handler: string, event: CloudEvent): Promise<void>;
  /** Operations by name. */
  operate(operation: string, given: unknown[]): Promise<unknown>;
  changed(ids: ReadonlySet<string>): void;
}

type Methods = Record<string, (request: never, context: HandlerContext) => Promise<unknown>>;

/** The service that the processes of a deployment have for each other; only their kernels may call it. */
export function peersService(duties: PeerDuties, log: Logger): ServiceImpl<typeof PeersService> {
  const methods: Omit<ServiceImpl<typeof PeersService>, never> = {
    getState: async () => create(PeersService.method.getState.output, duties.state()),
    async deliver({ module, handler, event }) {
      await duties.deliver(module, handler, JSON.parse(Buffer.from(event).toString()) as CloudEvent);
      return {};
    },
    operate: async ({ operation, arguments: given }) => ({ result: serialize(await duties.operate(operation, given.length > 0 ? (deserialize(given) as unknown[]) : [])) }),
    async tellChanged({ ids }) {
      duties.changed(new Set(ids));
      return {};
    },
  };
  return Object.fromEntries(PeersService.methods.map((method) => [method.localName, async (request: never, context: HandlerContext) => {
    if (context.values.get(callKey)?.callerModule !== 'kernel') throw kernelErrors.PERMISSION_DENIED({ because: 'only processes of the deployment call this, for themselves' });
    validateMessage(method.input, request);
    try {
      return await (methods as unknown as Methods)[method.localName]!(request, context);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      log.error({ err: error, method: method.name }, 'what another process asked for failed');
      throw kernelErrors.INTERNAL({ traceId: '0'.repeat(32) });
    }
  }])) as never;
}

/** Asks another process for an operation. */
export async function operateAt<R>(client: { operate(request: { operation: string; arguments: Uint8Array<ArrayBuffer> }): Promise<{ result: Uint8Array }> }, operation: string, ...given: unknown[]): Promise<R> {
  const { result } = await client.operate({ operation, arguments: new Uint8Array(serialize(given)) });
  return deserialize(result) as R;
}
