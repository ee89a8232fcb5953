import type { Guard } from '../guard/guard.ts';
import type { ServedService } from '../http/http-server-options.ts';
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
    authenticate: (header) => starting.guard!.authenticate(header),
    instances: placement?.instances.filter(({ modules }) => modules.includes(module)).length ?? 1,
    bodyLimitBytes: deployment.http.bodyLimitBytes,
  };
}
