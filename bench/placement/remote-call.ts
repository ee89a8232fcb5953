/**
 * What a call from one process to another costs: a message of 260 bytes each way, client and server in two processes, one call at
 * a time and 64 at once. Ours carries a deadline, who calls (signed, and checked), a trace and a request's id, and ends behind the
 * door of its method; the others carry the message, and gRPC and Connect a deadline. All take turns in the same run.
 *
 * `node bench/placement/remote-call.ts [seconds a measurement] [rounds] [name …]`
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { conditions } from '../conditions.ts';
import { median } from '../percentile.ts';
import { installPeers } from '../rest/peers.ts';
import type { Carried, Load } from './remote-side.ts';

const seconds = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 5);
const wanted = process.argv.slice(4);
const peers = join(import.meta.dirname, '../peers');
const contestants = Object.entries({
  mainstay: join(import.meta.dirname, 'remote-mainstay.ts'),
  'NestJS TCP': join(peers, 'remote-nest.mjs'),
  'moleculer TCP': join(peers, 'remote-moleculer.mjs'),
  '@grpc/grpc-js': join(peers, 'remote-grpc.mjs'),
  'connect-node': join(import.meta.dirname, 'remote-connect.ts'),
  'undici to node:http, alone': join(import.meta.dirname, 'remote-http.ts'),
  'the bytes alone (node:net)': join(import.meta.dirname, 'remote-bytes.ts'),
}).filter(([name]) => wanted.length === 0 || wanted.includes(name));

interface Pair {
  name: string;
  server: ChildProcess;
  client: ChildProcess;
}

type Measured = Carried & { clientMicros: number; serverMicros: number };

installPeers();
const pairs: Pair[] = [];
try {
  for (const [name, file] of contestants) pairs.push(await start(name, file));
  console.log(conditions());
  console.log(`${rounds} rounds of ${seconds} s each, of which the medians are shown\n`);
  for (const inFlight of [1, 64]) await compare(inFlight);
} finally {
  for (const { server, client } of pairs) for (const process of [server, client]) process.kill();
}

async function start(name: string, file: string): Promise<Pair> {
  const side = join(import.meta.dirname, 'remote-side.ts');
  const server = fork(side, ['serve', file]);
  const { address } = (await answerOf(server)) as { address: string };
  const client = fork(side, ['call', file, address]);
  await answerOf(client);
  return { name, server, client };
}

async function compare(inFlight: number): Promise<void> {
  for (const pair of pairs) await measure(pair, { inFlight, milliseconds: 2000 });
  const results = new Map<Pair, Measured[]>(pairs.map((pair) => [pair, []]));
  for (let round = 0; round < rounds; round++) for (const pair of pairs) results.get(pair)!.push(await measure(pair, { inFlight, milliseconds: seconds * 1000 }));
  const perSecond = (measured: Measured[]) => median(measured.map(({ calls, seconds }) => calls / seconds));
  const ours = results.get(pairs[0]!)!;
  console.log(`### ${inFlight} at once\n\n| | calls/s | ours to it | p50 µs | p99 µs | client µs/call | server µs/call | both | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const [{ name }, measured] of results) {
    const of = (value: (one: Measured) => number) => median(measured.map(value)).toFixed(1);
    const errors = measured.reduce((sum, one) => sum + one.errors, 0);
    console.log(`| ${name} | ${perSecond(measured).toFixed(0)} | ${(perSecond(ours) / perSecond(measured)).toFixed(2)} | ${of(({ p50 }) => p50)} | ${of(({ p99 }) => p99)} | ${of(({ clientMicros }) => clientMicros)} | ${of(({ serverMicros }) => serverMicros)} | ${of(({ clientMicros, serverMicros }) => clientMicros + serverMicros)} | ${errors} |`);
  }
  console.log('');
}

async function measure({ server, client }: Pair, load: Load): Promise<Measured> {
  const before = (await ask(server)) as number;
  const carried = (await ask(client, load)) as Carried & { micros: number };
  const used = ((await ask(server)) as number) - before;
  return { ...carried, clientMicros: carried.micros / carried.calls, serverMicros: used / carried.calls };
}

function ask(process: ChildProcess, message: object = {}): Promise<unknown> {
  const answer = answerOf(process);
  process.send(message);
  return answer;
}

function answerOf(process: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`a process of the benchmark ended: ${process.spawnargs.join(' ')}`));
    process.once('exit', ended).once('message', (message) => {
      process.off('exit', ended);
      resolve(message);
    });
  });
}
