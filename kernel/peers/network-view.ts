import type { NetworkView, ProcessView } from '../module/network-view.ts';
import type { Instance } from '../placement/placement.ts';
import { callsByDefault } from '../resilience/calls-config.ts';
import type { Slots } from '../shards/slots.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';

interface Viewed {
  here: Instance;
  network?: Network;
  owned?: { slots: Slots };
}

/** What operators may see and change of the ways between processes. */
export function networkView(viewed: Viewed): NetworkView {
  const { here } = viewed;
  return {
    process: here.name,
    processes: () => [own(viewed), ...(viewed.network?.peers.all.map(other) ?? [])],
    calls: () => viewed.network?.resilience.standings() ?? [],
    callSettings: () => viewed.network?.resilience.settings ?? callsByDefault,
    configureCalls: (settings) => viewed.network?.resilience.configure(settings),
  };
}

const own = ({ here, owned }: Viewed): ProcessView => ({ ...placeOf(here), ...(owned && { slots: sorted(owned.slots) }), state: 'here', residentBytes: process.memoryUsage.rss() });

function other(peer: Peer): ProcessView {
  const { instance, state, reachable, isReady, costMicroseconds } = peer;
  return {
    ...placeOf(instance),
    ...(instance.shard && state && { slots: sorted(state.slots) }),
    state: isReady ? 'ready' : reachable ? 'starting' : 'away',
    ...(costMicroseconds !== undefined && { costMicroseconds: Math.round(costMicroseconds) }),
    ...(state && { residentBytes: Number(state.residentBytes) }),
  };
}

const placeOf = ({ name, process, modules, shard, replica }: Instance) => ({ name, process, modules, ...(shard && { shard }), ...(replica && { replica }) });
const sorted = (slots: Iterable<number>): number[] => [...slots].sort((one, next) => one - next);
