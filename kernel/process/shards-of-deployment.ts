import type { AdminUrl } from '../data/connection.ts';
import type { Module } from '../module/define-module.ts';
import type { Network } from '../peers/network.ts';
import { databaseNameOf, type Instance, type Placement } from '../placement/placement.ts';
import type { DividedProcess } from '../shards/slot-moves.ts';
import { SlotMoves } from '../shards/slot-moves.ts';
import type { Place } from '../shards/shard-map.ts';
import type { Logger } from '../telemetry/log.ts';

interface Whole {
  placement: Placement;
  here: Instance;
  modules: readonly Module[];
  main: Place;
  /** The server of everything, and of each database that is on another. */
  databaseUrl: AdminUrl;
  databases?: Record<string, AdminUrl>;
  network?: Network;
  secret: string;
  log: Logger;
}

/** The shards of a deployment, in the process that serves its operators; nothing elsewhere, and where nothing is divided. */
export function shardsOfDeployment(whole: Whole): SlotMoves | undefined {
  const { placement, here, modules, main, network, secret, log } = whole;
  const processes = dividedProcesses(whole);
  const servesOperators = modules.some(({ name, guard }) => guard && here.modules.includes(name));
  if (processes.length === 0 || !servesOperators) return undefined;
  const changed = async (process: string) => {
    const own = placement.instances.filter((instance) => instance.process === process).map(({ name }) => name);
    const peers = (network?.peers.all ?? []).filter(({ instance }) => own.includes(instance.name));
    // The first question makes them look, the second hears what they saw.
    for (let asked = 0; asked < 2; asked++) await Promise.all(peers.map((peer) => network!.peers.ask(peer)));
  };
  return new SlotMoves({ main, secret, processes, log, changed });
}

function dividedProcesses({ placement, main, databaseUrl, databases = {} }: Whole): DividedProcess[] {
  const place = (instance: Instance): Place => ({ adminUrl: databases[instance.database] ?? databaseUrl, database: databaseNameOf(main.database, instance) });
  const sharded = Map.groupBy(placement.instances.filter(({ shard }) => shard), ({ process }) => process);
  return [...sharded].map(([process, instances]) => {
    const shards: Place[] = [];
    for (const instance of instances) shards[instance.shard!.index] = place(instance);
    return { process, shards };
  });
}
