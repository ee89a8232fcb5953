import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';
import type { Client, Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { freePorts } from '@mainstay/deploy/free-port';
import type { Module } from '@mainstay/kernel';
import { readDeployment } from '@mainstay/kernel/deployment';
import type { FilesSettings } from '@mainstay/kernel/files';
import { databaseNameOf, databasesOf, readPlacement } from '@mainstay/kernel/placement';
import { createClient, startProcess, type RunningProcess } from '@mainstay/kernel/process';
import { asAdministrator, createLog, secretsIn, testDatabase, type TestDatabase } from '@mainstay/kernel/testing';
import { stringify } from 'yaml';
import { forkProcess } from './forked-process.ts';
import { withModulesOf } from './module-files.ts';
import { signIn } from './sign-in.ts';

export interface DeploymentOptions {
  phase?: 'D' | 'T' | 'A' | 'P';
  /** Configuration by module name; every module runs, with its defaults, if absent. */
  modules?: Record<string, object | null>;
  /** Where the contents of files lie; on disk if absent. */
  files?: FilesSettings;
  /** Modules of the test's own that share its variables; each takes the place of the one of its name. */
  ownModules?: readonly Module[];
  /** The same in files that export them, as a default: `import.meta.resolve('./module.ts')`. A process of its own can load these. */
  moduleFiles?: readonly string[];
  /** The section `telemetry` of its file. */
  telemetry?: object;
  /** The section `operators` of its file. */
  operators?: object | 'off';
  /** A placement of `deploy/placements/`; everything runs in one process if absent. Its processes are parts of this one, and call each other over the loopback interface; with `MAINSTAY_TEST_PROCESSES=forked` they are programs of their own. */
  placement?: string;
  /** Its processes are parts of this one in any case: for tests that set the clock. */
  here?: boolean;
  /** A file for its log, which is then written at every level, or from `logLevel` on. */
  logFile?: string;
  logLevel?: string;
}

/** A whole deployment for tests: real processes and a real database of its own, reached as users reach it. */
export interface TestDeployment {
  /** Its address, such as `http://localhost:40123`. */
  readonly address: string;
  /** Its address for operators now. */
  readonly operatorsAddress: string;
  /** Its database: the server's administrator, and the name. */
  readonly database: Pick<TestDatabase, 'adminUrl' | 'name'>;
  /** Where it keeps files. */
  readonly dataFolder: string;
  /** Where its processes call each other, by their names; none where there is but one. */
  readonly peers: Readonly<Record<string, string>>;
  /** The lines it showed to the operator. */
  readonly announced: readonly string[];
  /** A gRPC client, signed in as a demo account if `as` names one, or with an access token or API key. */
  client<S extends DescService>(service: S, as?: string): Promise<Client<S>>;
  /** A REST call; `as` as for `client`. A body that is not a string is sent as JSON. */
  fetch(path: string, options?: { method?: string; as?: string; body?: unknown; headers?: Record<string, string> }): Promise<Response>;
  /** An access token of a demo account. */
  token(email: string): Promise<string>;
  /** Runs SQL in its database as the server's administrator, whom nothing keeps from anything; gives the rows. */
  sql<R extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>;
  /** The same in each database that a module has; the rows of all of them. */
  sqlOf<R extends object = Record<string, unknown>>(module: string, text: string, values?: unknown[]): Promise<R[]>;
  /** Stops and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeployment(options: DeploymentOptions = {}): Promise<TestDeployment> {
  const database = await testDatabase();
  const dataFolder = mkdtempSync(join(tmpdir(), 'mainstay-data-'));
  const logFolder = mkdtempSync(join(tmpdir(), 'mainstay-logs-'));
  const announced: string[] = [];
  const { start, databases, databasesOfModule, peers } = await startOf(options, { database, dataFolder, logFolder, announced });
  let running: RunningProcess = await start();
  let tokens = new Map<string, Promise<string>>();

  const token = (email: string) => {
    if (!tokens.has(email)) tokens.set(email, signIn(running.address, email));
    return tokens.get(email)!;
  };
  const authorization = async (as: string) => `Bearer ${as.includes('@') ? await token(as) : as}`;
  return {
    get address() {
      return running.address;
    },
    get operatorsAddress() {
      return running.operatorsAddress!;
    },
    dataFolder,
    announced,
    peers,
    database,
    token,
    sql: database.sql,
    sqlOf: async <R extends object>(module: string, text: string, values?: unknown[]) => (await Promise.all(databasesOfModule(module).map((name) => asAdministrator({ ...database, name }, async (client) => (await client.query(text, values)).rows as R[])))).flat(),
    async client(service, as) {
      const header = as && (await authorization(as));
      const signed: Interceptor = (next) => (request) => {
        if (header) request.header.set('authorization', header);
        return next(request);
      };
      return createClient(service, createGrpcTransport({ baseUrl: running.address, interceptors: [signed] }));
    },
    async fetch(path, { method, as, body, headers = {} } = {}) {
      const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      return fetch(running.address + path, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        body: text,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(as ? { authorization: await authorization(as) } : {}), ...headers },
      });
    },
    async restart() {
      await running.stop();
      running = await start();
      tokens = new Map();
    },
    async stop() {
      await running.stop();
      for (const other of databases) await database.sql(`drop database if exists "${other}" with (force)`);
      await database.drop();
      rmSync(dataFolder, { recursive: true, force: true });
      requireNoSecrets(logFolder);
    },
  };
}

/** Whatever a test does, no secret is in the log of its deployment. */
function requireNoSecrets(logFolder: string): void {
  const found = globSync(join(logFolder, '*')).flatMap((file) => secretsIn(readFileSync(file, 'utf8')));
  rmSync(logFolder, { recursive: true, force: true });
  assert.deepEqual(found, [], 'the log of the deployment holds secrets');
}

interface Place {
  database: TestDatabase;
  dataFolder: string;
  /** Of its processes, as far as nobody wants to see what they log. */
  logFolder: string;
  announced: string[];
}

/** How its processes are started, and which databases they make beside the one that is there. */
async function startOf({ phase = 'T', modules: sections, files = {}, ownModules = [], moduleFiles = [], telemetry = {}, operators = {}, placement: placementName, here = false, logFile, logLevel = 'trace' }: DeploymentOptions, { database, dataFolder, logFolder, announced }: Place): Promise<{ start: () => Promise<RunningProcess>; databases: string[]; databasesOfModule: (module: string) => string[]; peers: Record<string, string> }> {
  const available = await withModulesOf(moduleFiles, ownModules);
  const enabled = quickPasswords(phase, sections ?? Object.fromEntries(available.map(({ name }) => [name, null])));
  const several = placementName !== undefined && placementName !== 'one-process';
  // Chosen before it starts, since tokens name the address.
  const [httpPort] = await freePorts('127.0.0.1', 1);
  const content = { name: 'test', phase, http: { port: httpPort, publicAddress: `http://localhost:${httpPort}` }, telemetry, operators: operators === 'off' ? operators : { port: 0, ...operators }, modules: several ? { 'sys-gateway': null, ...enabled } : enabled };
  const deployment = readYamlOf(content, available);
  const common = {
    deployment: { ...deployment, files },
    databaseUrl: database.adminUrl,
    databaseName: database.name,
    secret: randomBytes(32).toString('hex'),
    dataFolder,
    log: createLog(logFile === undefined ? logTo(join(logFolder, 'test')) : { level: logLevel, destination: logFile }),
    announce: (line: string) => void announced.push(line),
  };
  if (!placementName) return { start: () => startProcess(common), databases: [], databasesOfModule: () => [database.name], peers: {} };
  const placement = readPlacement(placementName, deployment.modules.map(({ module }) => module), available);
  const ports = await freePorts('127.0.0.1', placement.instances.length);
  const peers = Object.fromEntries(placement.instances.map(({ name }, at) => [name, `http://127.0.0.1:${ports[at]}`]));
  const databases = databasesOf(placement).filter((name) => name !== '').map((name) => databaseNameOf(database.name, { database: name }));
  // What shares the test's variables, its settings, and its log are in this process alone.
  const isForked = process.env.MAINSTAY_TEST_PROCESSES === 'forked' && !here && ownModules.length === 0 && logFile === undefined && Object.keys(files).length === 0;
  // One process can not listen twice at a port.
  const [door] = placement.instances.filter(({ modules }) => modules.includes('sys-gateway'));
  const onlyFirst = (name: string) => (name === door?.name ? common.deployment : { ...common.deployment, http: { ...common.deployment.http, port: 0 } });
  const starts = placement.instances.map((instance): (() => Promise<RunningProcess>) => (isForked
    ? () => forkProcess({ ...common, ...(process.env.MAINSTAY_LOG_LEVEL === undefined && { logFile: join(logFolder, instance.name) }), deploymentFile: join(dataFolder, 'deployment.yaml'), moduleFiles, placement: placementName, instance, peers, go: { databaseUrl: urlOf(database), ports: {} } })
    : () => startProcess({ ...common, deployment: onlyFirst(instance.name), placement, instance: instance.name, peers, connections: 40 })));
  if (isForked) writeFileSync(join(dataFolder, 'deployment.yaml'), stringify(content));
  const databasesOfModule = (module: string) => [...new Set(placement.instances.filter(({ modules }) => modules.includes(module)).map((instance) => databaseNameOf(database.name, instance)))];
  return { start: () => startTogether(starts), databases, databasesOfModule, peers };
}

/** On the terminal of who asked for it, else into a file that is looked through in the end. */
const logTo = (destination: string) => (process.env.MAINSTAY_LOG_LEVEL === undefined ? { level: 'info', destination } : { level: process.env.MAINSTAY_LOG_LEVEL });

/** Tests sign in thousands of times, and write many e-mails from one network address. */
function quickPasswords(phase: string, sections: Record<string, object | null>): Record<string, object | null> {
  if (phase === 'A' || phase === 'P' || !('sys-accounts' in sections)) return sections;
  return { ...sections, 'sys-accounts': { passwordMemoryMib: 1, failedLoginsPerAddress: 10_000, emailRequestsPerAddress: 10_000, ...sections['sys-accounts'] } };
}

function urlOf({ adminUrl, name }: Pick<TestDatabase, 'adminUrl' | 'name'>): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Starts all processes of a placement at once; the first that has a public port is where the deployment is reached. */
async function startTogether(starts: (() => Promise<RunningProcess>)[]): Promise<RunningProcess> {
  const started = await Promise.allSettled(starts.map((start) => start()));
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => void (await Promise.all(running.map((one) => one.stop())));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const door = running.find(({ isPublic }) => isPublic)!;
  return { address: door.address, isPublic: true, ...(door.operatorsAddress && { operatorsAddress: door.operatorsAddress }), quarantined: () => Object.assign({}, ...running.map((one) => one.quarantined())) as Record<string, string>, stop };
}

/** The deployment that a file with this content describes. */
export function readYamlOf(content: object, available: readonly Module[]) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
  try {
    const file = join(folder, 'deployment.yaml');
    writeFileSync(file, stringify(content));
    return readDeployment(file, available);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
