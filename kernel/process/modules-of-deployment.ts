import type { DescService } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Module, ModuleState } from '../module/define-module.ts';
import type { Peer } from '../peers/peer.ts';
import type { Starting } from './start-module.ts';

/** Every module of the deployment: those of this process as they are, the others as their processes said last. */
export function modulesOf({ modules, states, network }: Pick<Starting, 'modules' | 'states' | 'network'>): ModuleState[] {
  const here = states.all();
  if (!network) return here;
  const known = new Map(here.map((state) => [state.name, state]));
  return modules.map((module) => known.get(module.name) ?? stateElsewhere(module, network.peers.running(module.name)));
}

/** As good as the best of its processes: whoever calls it finds that one. */
function stateElsewhere({ name, services = [], requires }: Module, peers: readonly Peer[]): ModuleState {
  const said = peers.flatMap((peer) => (peer.reachable ? (peer.state?.modules.find((module) => module.name === name) ?? []) : []));
  const best = said.find(({ state }) => state === 'running') ?? said.find(({ state }) => state === 'quarantined') ?? said[0];
  return {
    name,
    state: (best?.state as ModuleState['state'] | undefined) ?? 'starting',
    ...(best?.problem && { problem: best.problem }),
    since: best?.since ? timestampDate(best.since) : new Date(0),
    services: services.map(({ service }) => service.typeName),
    requires: Object.values(requires as Record<string, DescService>).map(({ typeName }) => typeName),
  };
}
