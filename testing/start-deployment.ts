import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';
import type { Client, Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { Module } from '@mainstay/kernel';
import { readDeployment } from '@mainstay/kernel/deployment';
import type { FilesSettings } from '@mainstay/kernel/files';
import { createClient, startProcess, type RunningProcess } from '@mainstay/kernel/process';
import { createLog, testDatabase, type TestDatabase } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { stringify } from 'yaml';
import { signIn } from './sign-in.ts';

export interface DeploymentOptions {
  phase?: 'D' | 'T' | 'A' | 'P';
  /** Configuration by module name; every module runs, with its defaults, if absent. */
  modules?: Record<string, object | null>;
  /** Where the contents of files lie; on disk if absent. */
  files?: FilesSettings;
  /** Modules of the test's own; each takes the place of the one of its name. */
  ownModules?: readonly Module[];
  /** The section `telemetry` of its file. */
  telemetry?: object;
  /** The section `operators` of its file. */
  operators?: object | 'off';
  /** A file for its log, which is then written at every level, or from `logLevel` on. */
  logFile?: string;
  logLevel?: string;
}

/** A whole deployment for tests: real processes and a real database of its own, reached as users reach it. */
export interface TestDeployment {
  /** Its address now, such as `http://localhost:40123`; another after a restart. */
  readonly address: string;
  /** Its address for operators now. */
  readonly operatorsAddress: string;
  /** Its database: the server's administrator, and the name. */
  readonly database: Pick<TestDatabase, 'adminUrl' | 'name'>;
  /** Where it keeps files. */
  readonly dataFolder: string;
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
  /** Stops and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeployment({ phase = 'T', modules: sections, files = {}, ownModules = [], telemetry = {}, operators = {}, logFile, logLevel = 'trace' }: DeploymentOptions = {}): Promise<TestDeployment> {
  const available = [...modules.filter(({ name }) => !ownModules.some((own) => own.name === name)), ...ownModules];
  const database = await testDatabase();
  const secret = randomBytes(32).toString('hex');
  const dataFolder = mkdtempSync(join(tmpdir(), 'mainstay-data-'));
  const announced: string[] = [];
  const deployment = readYamlOf({ name: 'test', phase, http: { port: 0 }, telemetry, operators, modules: sections ?? Object.fromEntries(available.map(({ name }) => [name, null])) }, available);
  const start = () => startProcess({ deployment: { ...deployment, files }, databaseUrl: database.adminUrl, databaseName: database.name, secret, dataFolder, log: createLog(logFile === undefined ? { level: process.env.MAINSTAY_LOG_LEVEL ?? 'fatal' } : { level: logLevel, destination: logFile }), announce: (line) => announced.push(line) });
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
    database,
    token,
    sql: database.sql,
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
      await database.drop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
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
