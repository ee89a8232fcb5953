/**
 * What the gateway adds to a request in one process: `GET /v1/promises/ID` with an access token, without `sys-gateway`, with
 * it as it is, and with it and everything it can do for the request: limits on address and account, origins, a list of
 * addresses, and body and time limits. The processes run in turn, in the same run; each round measures all of them.
 * Before that, what its policies take by themselves, for a known caller, in one thread and nothing else.
 *
 * `node bench/placement/gateway.ts [seconds a measurement] [rounds]`
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../kernel/data/embedded/embedded-postgres.ts';
import { PromisesService } from '../../modules/mod-promist/contract/index.ts';
import { config } from '../../modules/sys-gateway/config.ts';
import { createGateway } from '../../modules/sys-gateway/server/create-gateway.ts';
import { conditions } from '../conditions.ts';
import { fill } from '../rest/fill.ts';
import { startMainstay, type MainstayApp } from '../rest/mainstay-app.ts';
import { processorSeconds } from '../rest/processor-time.ts';
import { getting, requireWrk, wrk } from '../rest/wrk.ts';

const seconds = Number(process.argv[2] ?? 5);
const rounds = Number(process.argv[3] ?? 7);
const promises = 1000;
const warmUpSeconds = 10;

const plenty = '{ requests: 100000000, seconds: 60 }';
const variants = {
  'without sys-gateway': '',
  'with it, as it is': '  sys-gateway:\n',
  'with limits, origins and addresses': `  sys-gateway: { limitLoopback: true, limitPerAddress: ${plenty}, limitPerAccount: ${plenty}, corsOrigins: ["https://app.example.com", "https://*.example.org"], operatorsAllow: ["127.0.0.0/8", "::1"], timeoutSeconds: { query: 30, command: 30 } }\n`,
};

interface Measured {
  perSecond: number;
  processorMicros: number;
  p99: number;
  errors: number;
}
interface Subject extends MainstayApp {
  what: string;
  ids: string[];
}

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mg-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const subjects: Subject[] = [];
try {
  for (const [what, modules] of Object.entries(variants)) {
    const own = join(folder, String(subjects.length));
    mkdirSync(own);
    const databaseUrl = postgres.adminUrl(`gateway_${subjects.length}`);
    const app = await startMainstay(own, databaseUrl, '', undefined, modules);
    subjects.push({ ...app, what, ids: await fill(databaseUrl, 'mod_promist.mod_promist_promises', app, promises) });
  }
  console.log(conditions());
  await policiesAlone();
  for (const connections of [1, 64]) await compare(connections);
} finally {
  for (const subject of subjects) await subject.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** What the gateway itself does for a request: to let it in, and to let its call in. */
async function policiesAlone(): Promise<void> {
  const plain = config.parse({});
  const all = config.parse({ limitLoopback: true, limitPerAddress: { requests: 1e8, seconds: 60 }, limitPerAccount: { requests: 1e8, seconds: 60 }, corsOrigins: ['https://app.example.com', 'https://*.example.org'], operatorsAllow: ['127.0.0.0/8', '::1'], timeoutSeconds: { query: 30, command: 30 } });
  const method = PromisesService.method.getPromise;
  const principal = { kind: 'account', accountId: randomUUID(), orgId: randomUUID(), roles: [], sessionId: randomUUID() } as const;
  const facts = { services: () => [], rules: [], authenticate: async () => principal, restPaths: () => [], carriesContent: () => false, placeOf: () => ({ instances: [], shards: 0 }), instances: 1 };
  const network = { callSettings: () => ({}), configureCalls: () => {} };
  console.log('\n### The policies alone\n\n| | µs a request |\n| --- | --- |');
  for (const [what, chosen] of [['as they are', plain], ['with limits, origins and addresses', all]] as const) {
    const settings = { get: async (key: keyof typeof chosen) => chosen[key] };
    const gateway = createGateway({ config: chosen, settings, deployment: { phase: 'D', network }, log: { warn() {} } } as never, facts);
    const setHeader = () => {};
    const request = { method: 'GET', url: '/v1/promises/x', path: '/v1/promises/x', headers: { host: 'localhost:4400', authorization: 'Bearer x' }, address: '127.0.0.1', encrypted: false, setHeader };
    const header = new Headers({ authorization: 'Bearer x' });
    const takes: number[] = [];
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      for (let count = 0; count < 200_000; count++) await gateway.admit(method, { header, setHeader }, await gateway.arrive(request));
      takes.push((performance.now() - began) / 200);
    }
    console.log(`| ${what} | ${median(takes).toFixed(2)} |`);
  }
}

async function compare(connections: number): Promise<void> {
  const results = new Map(subjects.map((subject) => [subject, [] as Measured[]]));
  for (const subject of subjects) await measure(subject, connections, warmUpSeconds);
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in a round has it no better than the others.
    for (const subject of subjects.map((_, at) => subjects[(at + round) % subjects.length]!)) results.get(subject)!.push(await measure(subject, connections, seconds));
  }
  const base = results.get(subjects[0]!)!;
  console.log(`\n### ${connections} connection${connections > 1 ? 's' : ''}, ${rounds} rounds of ${seconds} s\n\n| | requests/s | µs between them | app µs of processor a request | adds µs of processor | adds µs of time | p99 ms | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const [{ what }, runs] of results) {
    const rate = median(runs.map(({ perSecond }) => perSecond));
    const adds = (of: (run: Measured) => number) => median(runs.map((run, round) => of(run) - of(base[round]!)));
    console.log(`| ${what} | ${rate.toFixed(0)} | ${(1e6 / rate).toFixed(1)} | ${median(runs.map(({ processorMicros }) => processorMicros)).toFixed(1)} | ${adds(({ processorMicros }) => processorMicros).toFixed(1)} | ${adds(({ perSecond }) => 1e6 / perSecond).toFixed(1)} | ${median(runs.map(({ p99 }) => p99)).toFixed(2)} | ${runs.reduce((sum, { errors }) => sum + errors, 0)} |`);
  }
}

async function measure({ pid, token, ids, address }: Subject, connections: number, seconds: number): Promise<Measured> {
  const before = processorSeconds(pid);
  const { perSecond, requests, p99, errors } = await wrk({ script: getting(token, ids.map((id) => `/v1/promises/${id}`)), address, connections, seconds });
  return { perSecond, p99, errors, processorMicros: ((processorSeconds(pid) - before) / requests) * 1e6 };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}
