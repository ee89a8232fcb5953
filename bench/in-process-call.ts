/**
 * What a call between two modules costs, by how it travels. Prints its own conditions; every peer runs in the
 * same process and the same run. `node bench/in-process-call.ts [seconds per measurement]`
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient as createConnectClient, createRouterTransport } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { runInCall, type Call as CurrentCall } from '../kernel/guard/call.ts';
import { LeavingCaller } from '../kernel/placement/caller-leaving.ts';
import { createClient } from '../kernel/placement/create-client.ts';
import { InProcessRegistry } from '../kernel/placement/in-process-registry.ts';
import { moduleTransport } from '../kernel/placement/module-transport.ts';
import { serveMethods } from '../kernel/placement/serve-methods.ts';
import { createLog } from '../kernel/telemetry/log.ts';
import { Telemetry } from '../kernel/telemetry/telemetry.ts';
import { EchoRequestSchema, EchoService, SpecimenSchema, type EchoRequest } from '../kernel/testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { createDecide } from '../modules/sys-core/server/decide.ts';
import { conditions } from './conditions.ts';
import { percentile } from './percentile.ts';

type Call = () => Promise<{ text: string }>;

const milliseconds = Number(process.argv[2] ?? 2) * 1000;
const inFlight = 64;
const request = create(EchoRequestSchema, { text: `${'x'.repeat(140)}${'é'.repeat(60)}`, delayMs: 1 });
/** A message of many fields, most of them empty: what is copied is more than what is sent. */
const wide = create(EchoRequestSchema, { text: 'x'.repeat(200), specimen: { stringValue: 'y', int64Value: 42n, part: { name: 'part' } } });
const echo = async ({ text, specimen }: EchoRequest) => ({ text, specimen });

const registry = new InProcessRegistry().add(EchoService, { echo });
const inProcess = createClient(EchoService, registry.transport);
const router = createConnectClient(EchoService, createRouterTransport((routes) => void routes.service(EchoService, { echo })));
const server = createServer(connectNodeAdapter({ routes: (routes) => void routes.service(EchoService, { echo }) })).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const http = createConnectClient(EchoService, createConnectTransport({ baseUrl, httpVersion: '1.1' }));

/** As two modules of a process call each other: the caller handles a call of a signed-in account, with a deadline; the callee stands behind its door. */
const decide = createDecide({ rules: [{ role: 'USER', may: ['testing.echoes.*'] }], requires: new Map([['mod-caller', new Set([EchoService.typeName])]]) });
const log = createLog({ level: 'silent' });
const guarded = new InProcessRegistry().add(EchoService, serveMethods(EchoService, { ...unserved(), createEcho: echo as never } as never, {
  module: 'mod-callee', log, telemetry: new Telemetry(log), guard: () => ({ authenticate: async () => ({ kind: 'anonymous' }), decide }),
}));
const neighbour = createClient(EchoService, moduleTransport('mod-caller', guarded.transport));
const current: CurrentCall = {
  principal: { kind: 'account', accountId: 'a', orgId: 'o', sessionId: 's', roles: [{ role: 'USER', orgId: 'o' }] },
  traceId: '0'.repeat(31) + '1', deadline: Date.now() + 3_600_000, leaving: new LeavingCaller().signal,
};
const kept = { text: `${'x'.repeat(140)}${'é'.repeat(60)}` };

const moleculer = await moleculerCall();
const door = 'behind the door: guard, principal, deadline, checks, copies';
const peers: Record<string, Call> = {
  'plain async function': () => echo(request),
  'moleculer, local': () => moleculer(request),
  [door]: () => neighbour.createEcho(kept),
  'in process': () => inProcess.echo(request),
  [`in process, ${SpecimenSchema.fields.length} fields more`]: () => inProcess.echo(wide),
  'in process, with a deadline': () => inProcess.echo(request, { timeoutMs: 5_000 }),
  'Connect router transport': () => router.echo(request),
  'Connect over HTTP/1.1': () => http.echo(request),
};

console.log(conditions());
console.log(`message of ${toBinary(EchoRequestSchema, request).length} bytes each way, ${milliseconds / 1000} s a measurement, half as much to warm up\n`);
const rows = [];
let first: number | undefined;
for (const [name, call] of Object.entries(peers)) {
  const { single, many } = await (name === door ? runInCall(current, () => measured(call)) : measured(call));
  first ??= single.mean;
  rows.push({
    call: name,
    'µs': single.mean.toFixed(2), 'p50 µs': single.p50.toFixed(2), 'p99 µs': single.p99.toFixed(2),
    [`calls/s, ${inFlight} in flight`]: Math.round(many.perSecond), errors: single.errors + many.errors,
    'times a plain function': (single.mean / first).toFixed(1),
  });
}
console.table(rows);
server.close();
server.closeAllConnections();

async function measured(call: Call) {
  await oneAtATime(call, milliseconds / 2);
  return { single: await oneAtATime(call, milliseconds), many: await together(call, milliseconds) };
}

/** Batches, since the clock is too coarse for one call; the percentiles are those of batches' means. */
async function oneAtATime(call: Call, duration: number) {
  const batch = 50;
  const samples: number[] = [];
  let errors = 0;
  const end = performance.now() + duration;
  for (let now = performance.now(); now < end; ) {
    for (let i = 0; i < batch; i++) errors += await failed(call);
    const then = now;
    now = performance.now();
    samples.push(((now - then) * 1000) / batch);
  }
  return { mean: samples.reduce((sum, sample) => sum + sample, 0) / samples.length, p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), errors };
}

async function together(call: Call, duration: number) {
  let calls = 0;
  let errors = 0;
  const begin = performance.now();
  const end = begin + duration;
  const worker = async () => {
    // The clock is read now and then: reading it costs as much as a local call.
    do {
      for (let i = 0; i < 20; i++) errors += await failed(call);
      calls += 20;
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { perSecond: calls / ((performance.now() - begin) / 1000), errors };
}

async function failed(call: Call): Promise<0 | 1> {
  try {
    return (await call()).text.length === 200 ? 0 : 1;
  } catch {
    return 1;
  }
}

/** The other methods of the service, which the door wants to know too. */
function unserved(): object {
  return Object.fromEntries(EchoService.methods.map(({ localName }) => [localName, () => { throw new Error('not here'); }]));
}

/** The same through moleculer's broker, which hands over the object as it is. It is installed by `npm install` in `bench/peers`. */
async function moleculerCall(): Promise<(request: EchoRequest) => Promise<{ text: string }>> {
  const { ServiceBroker } = createRequire(new URL('./peers/', import.meta.url))('moleculer') as { ServiceBroker: new (options: object) => Broker };
  const broker = new ServiceBroker({ logger: false });
  broker.createService({ name: 'echo', actions: { echo: ({ params }: { params: EchoRequest }) => echo(params) } });
  await broker.start();
  return (message) => broker.call('echo.echo', message);
}

interface Broker {
  createService(schema: object): void;
  start(): Promise<void>;
  call(action: string, params: object): Promise<{ text: string }>;
}
