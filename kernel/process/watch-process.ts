import { hideText } from '../telemetry/redact-text.ts';
import { filesWithImports } from '../http/rpc/contract-files.ts';
import { hiddenValues } from '../module/secret.ts';
import { knowMessages } from '../telemetry/known-messages.ts';
import type { MetricFamily } from '../telemetry/metrics.ts';
import { openOperatorsPort, type OperatorsPort } from '../telemetry/operators-port.ts';
import { otlpOptions } from '../telemetry/otlp-options.ts';
import { poolMetrics } from '../telemetry/pool-metrics.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { RunningJobs } from './jobs.ts';
import { wantedPorts } from './ports.ts';
import type { ProcessOptions } from './process-options.ts';
import type { Starting } from './start-module.ts';

/** Begins to count and follow what a process does, and keeps its secrets out of its log. */
export async function startTelemetry({ deployment, secret, databaseUrl, log }: ProcessOptions): Promise<Telemetry> {
  const contracts = deployment.modules.flatMap(({ module: { services = [], emits = [], events = [] } }) => [...services.map(({ service }) => service.file), ...emits.map(({ file }) => file), ...events.map(({ event }) => event.file)]);
  knowMessages(filesWithImports(contracts).values());
  for (const text of [secret, URL.parse(databaseUrl)?.password ?? '', ...deployment.modules.flatMap(({ module, config }) => hiddenValues(module.config, config))]) hideText(text);
  const otlp = otlpOptions(deployment.telemetry ?? {}, process.env);
  const telemetry = new Telemetry(log, deployment.telemetry);
  if (otlp) {
    for (const value of Object.values(otlp.headers)) hideText(value);
    await telemetry.export(otlp, deployment.name);
  }
  return telemetry;
}

/** Lets the parts of a process tell how they stand, and opens the operators' address unless it is off. */
export async function openOperators({ deployment, telemetry, parts, states, room, info }: Starting, jobs: RunningJobs, connections: () => number): Promise<OperatorsPort | undefined> {
  const modules = () => states.all().map(({ name, state, problem }) => ({ name, state, ...(problem !== undefined && { problem }) }));
  telemetry.add(() => poolMetrics([...parts.flatMap(({ module, database }) => database.pools().map(({ purpose, pool }) => ({ labels: { module: module.name, purpose }, pool }))), { labels: { module: 'kernel', purpose: 'queue' }, pool: jobs.pool }]));
  telemetry.add(() => jobs.metrics());
  telemetry.add((): MetricFamily[] => [
    { name: 'mainstay.database.full', type: 'gauge', unit: '{database}', help: '1 while the disk of the database is full and commands are refused.', samples: [{ labels: {}, value: Number(room.isFull) }] },
    { name: 'mainstay.connections', type: 'gauge', unit: '{connection}', help: 'Connections of clients that are open.', samples: [{ labels: {}, value: connections() }] },
    { name: 'mainstay.module.up', type: 'gauge', unit: '{module}', help: '1 for a module that runs, 0 for one that does not.', samples: modules().map(({ name, state }) => ({ labels: { module: name }, value: state === 'running' ? 1 : 0 })) },
  ]);
  const { operators } = deployment;
  if (!operators) return undefined;
  return openOperatorsPort({ host: operators.host, port: wantedPorts(deployment).operators! }, {
    metrics: () => telemetry.read(),
    ready: () => ({ ready: states.all().every(({ state }) => state !== 'starting'), modules: modules() }),
    peers: () => info.network.processes(),
  });
}
