import { PeersService } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { requireOrgHere } from '../events/deliver-elsewhere.ts';
import { deliverEvent } from '../events/deliver-event.ts';
import { StartError } from '../module/start-error.ts';
import { arrive } from '../peers/peer-headers.ts';
import { peersService, type PeerDuties } from '../peers/serve-peers-service.ts';
import { InProcessRegistry } from '../placement/in-process-registry.ts';
import { servePeers, type PeerServer } from '../remote/serve-peers.ts';
import { handlersOf } from './jobs.ts';
import { kernelOperations } from './kernel-operations.ts';
import type { Starting } from './start-module.ts';

/** Opens the address at which the other processes of the deployment call the modules of this one; there is none if it is the only one. */
export async function openInternalPort(starting: Starting): Promise<PeerServer | undefined> {
  const { network, here, registry, deployment, log, peers = {}, succeeds = false } = starting;
  if (!network) return undefined;
  const { hostname, port } = new URL(peers[here.name]!);
  const kernel = new InProcessRegistry().add(PeersService, peersService(dutiesOf(starting), log));
  const own = new Set(starting.served.map(({ service }) => service.typeName));
  const server = await servePeers({
    host: hostname,
    port: Number(port),
    succeeds,
    find: (path) => (own.has(path.slice(0, path.lastIndexOf('/'))) ? registry.served(path) : kernel.served(path)),
    arrive: (header) => arrive(header, starting.guard!, here.name),
    bodyLimitBytes: deployment.http.bodyLimitBytes,
    ...(deployment.calls?.tls && { tls: deployment.calls.tls }),
    log,
  }).catch((error: NodeJS.ErrnoException) => {
    throw new StartError([error.code === 'EADDRINUSE' ? `${peers[here.name]}, where the other processes call ${here.name}, is taken by another program` : `it is not possible to listen on ${peers[here.name]} for the other processes: ${error.message}`], { cause: error });
  });
  return server;
}

/** Whoever asks decides by it where calls go. The database is asked meanwhile, so the next answer has what has changed by now; waiting for it would be taken for the cost of a call. */
function slotsNow({ owned }: Starting): Iterable<number> {
  owned?.refresh().catch(() => {});
  return owned?.slots ?? [];
}

function dutiesOf(starting: Starting): PeerDuties {
  const operations = kernelOperations(starting);
  const started = timestampFromDate(new Date());
  return {
    state: () => ({
      process: starting.here.name,
      ready: starting.isReady,
      modules: starting.states.all().map(({ name, state, problem = '', since }) => ({ name, state, problem, since: timestampFromDate(since), hasFirstData: starting.withFirstData.has(name) })),
      slots: Uint8Array.from(slotsNow(starting)),
      residentBytes: BigInt(process.memoryUsage.rss()),
      startTime: started,
    }),
    async deliver(module, handler, event, orgId) {
      const part = starting.parts.find((one) => one.module.name === module);
      const subscription = part && handlersOf(part).find(({ name }) => name === handler);
      if (!part || !subscription) throw new StartError([`${starting.here.name} has no handler ${handler} of ${module}`]);
      requireOrgHere(orgId, part.ownsOrg);
      const origin = { traceId: event.traceid, ...(event.traceparent && { traceparent: event.traceparent }), ...(event.tracestate && { tracestate: event.tracestate }) };
      await starting.telemetry.tasks.follow({ module, name: `on:${handler}`, kind: 'event' }, origin, (place) => deliverEvent({ ...part, module }, subscription, event, place));
    },
    operate(operation, given) {
      const operate = operations[operation];
      if (!operate) throw new StartError([`${starting.here.name} knows no operation ${operation}: is it of another version?`]);
      return operate(...given as never[]);
    },
    changed: (ids) => starting.guard?.changed?.(ids),
  };
}
