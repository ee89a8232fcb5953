import type { Guard } from '../guard/guard.ts';
import type { ServedService } from '../http/http-server-options.ts';
import { httpBindings } from '../http/rest/http-binding.ts';
import { messageLimit } from '../http/rpc/message-limit.ts';
import type { Deployment } from '../module/deployment.ts';
import type { Placement } from '../placement/placement.ts';
import type { GatewayFacts } from './gateway.ts';

interface Known {
  deployment: Deployment;
  placement?: Placement;
  served: readonly ServedService[];
  guard?: Guard;
}

/** What the gateway of this process decides by; services and guard are looked up when they are asked for. */
export function gatewayFacts(starting: Known, module: string): GatewayFacts {
  const { deployment, placement } = starting;
  return {
    services: () => starting.served.map(({ service: { typeName, methods }, module }) => ({ typeName, methods, module })),
    rules: deployment.modules.flatMap((enabled) => enabled.module.access ?? []),
    authenticate: (header, target) => starting.guard!.authenticate(header, target),
    restPaths: (method) => httpBindings(method).map(({ httpMethod, template }) => `${httpMethod} ${template.source}`),
    carriesContent: ({ input }) => messageLimit(input, Infinity) === Infinity,
    placeOf: (module) => placeOf(placement, module),
    instances: placement?.instances.filter(({ modules }) => modules.includes(module)).length ?? 1,
  };
}

function placeOf(placement: Placement | undefined, module: string): { instances: string[]; shards: number } {
  if (!placement) return { instances: ['main'], shards: 0 };
  const running = placement.instances.filter(({ modules }) => modules.includes(module));
  return { instances: running.map(({ name }) => name), shards: running[0]?.shard?.count ?? 0 };
}
