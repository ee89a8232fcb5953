import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { Breaker_State as State, type BreakerSchema, type GatewayService, type LimitSchema, type RouteSchema } from '../contract/index.ts';
import { gateways, type Needs, type RunningGateway } from './create-gateway.ts';
import type { LimitName } from './limits/rate-limit.ts';

const names: readonly LimitName[] = ['address', 'account', 'key', 'login'];

/** Tells operators what the gateway does. */
export function gatewayService(needs: Needs): ServiceImpl<typeof GatewayService> {
  // The gateway is made after its service.
  const running = () => gateways.get(needs)!;
  return {
    listRoutes: async () => {
      await running().policies.current();
      return { routes: routesOf(running()) };
    },
    listBreakers: () => ({ breakers: needs.deployment.network.calls().map(breakerMessage) }),
    listLimits: async () => {
      const { policies, facts } = running();
      const { limits, chosen } = await policies.current();
      return { limits: names.map((name) => limitMessage(name, limits[name])), loopback: chosen.limitLoopback, instances: facts.instances };
    },
  };
}

function routesOf({ policies: { latest }, facts }: RunningGateway): MessageInitShape<typeof RouteSchema>[] {
  const routes = facts.services().flatMap(({ module, typeName, methods }) =>
    methods.map((method) => {
      const { operatorsOnly, login, off } = latest.of(method);
      return { service: typeName, method: method.name, restPaths: facts.restPaths(method), module, ...facts.placeOf(module), operatorsOnly, login, switchedOff: off !== undefined, switchedOffReason: off ?? '' };
    }));
  return routes.sort((one, other) => (`${one.service}/${one.method}` < `${other.service}/${other.method}` ? -1 : 1));
}

const limitMessage = (name: LimitName, limit: { rate: { requests: number; seconds: number }; share: number; callers: number } | undefined): MessageInitShape<typeof LimitSchema> =>
  ({ name, ...(limit && { ...limit.rate, share: limit.share, callers: limit.callers }) });

const states = { closed: State.CLOSED, open: State.OPEN, 'half-open': State.HALF_OPEN } as const;

function breakerMessage({ peer, breaker, underWay, counts }: ReturnType<Needs['deployment']['network']['calls']>[number]): MessageInitShape<typeof BreakerSchema> {
  const { retries, unaffordable, timeouts, refusedBusy, refusedFailing, opened } = counts;
  return { process: peer, state: states[breaker], underWay, retries: BigInt(retries), unaffordableRetries: BigInt(unaffordable), timeouts: BigInt(timeouts), refusedBusy: BigInt(refusedBusy), refusedFailing: BigInt(refusedFailing), opened: BigInt(opened) };
}
