import { join } from 'node:path';
import { peerVariable } from '@mainstay/kernel/placement/placement';
import type { DeploymentSummary, Ports } from '@mainstay/kernel/process';
import { onePlacement } from './chosen-placement.ts';
import { HeldSockets, type Place } from './held-sockets.ts';
import { type LaunchedProcess, launchProcess, type Ready } from './launch-process.ts';
import { warnInLog } from './log-file.ts';
import { OperatorError } from './operator-error.ts';
import { ProcessKeeper } from './process-keeper.ts';
import type { InstanceRecord, RunRecord } from './run-record.ts';
import { deploymentEnvironment } from './secrets.ts';
import { projectRoot, type StateFolder } from './state-folder.ts';
import type { Steps } from './steps.ts';

const programOfBuild = join(projectRoot, 'main/main.ts');

/** A process of a deployment that is looked after. */
export interface KeptInstance {
  instance: InstanceRecord;
  keeper: ProcessKeeper;
  /** Resolves when it has found the deployment file and its place in the placement right. */
  checked: Promise<DeploymentSummary>;
  /** Set once that is so. */
  isPublic: boolean;
  /** What it gets where the deployment leaves the choice. */
  ports: Partial<Ports>;
}

/** How each process of a deployment is run. */
export interface InstanceOptions {
  /** Instead of the port in the file. */
  port?: number;
  /** After a failed start, wait for `restart` instead of trying again. */
  waitForChange?: boolean;
  /** The program, such as one with modules of a test's own; that of this build if absent. */
  program?: string;
  /** Environment variables over those that a process gets anyhow. */
  environment?: (instance: InstanceRecord, all: readonly InstanceRecord[]) => NodeJS.ProcessEnv;
}

export interface InstanceToKeep extends InstanceOptions {
  run: RunRecord;
  instance: InstanceRecord;
  folder: StateFolder;
  steps: Steps;
  /** Where all with the public port serve, as far as that is known before one has read the deployment file. */
  publicPlace: Place | undefined;
  /** Known once the database runs; it waits for that. */
  database: Promise<string>;
  /** Called after each change of the record. */
  changed: (kept: KeptInstance, ready?: Ready) => void;
}

/** Makes the keeper of one process of a deployment; it is not started yet. */
export function keepInstance(options: InstanceToKeep): KeptInstance {
  const { run, instance, folder, database, waitForChange, publicPlace, program = programOfBuild } = options;
  const checked = Promise.withResolvers<DeploymentSummary>();
  checked.promise.catch(() => {});
  const sockets = new HeldSockets(() => [...(instance.peer ? [placeOf(instance.peer)] : []), ...(publicPlace ? [publicPlace] : [])]);
  const launch = (succeeds: boolean): LaunchedProcess => {
    const launched = launchProcess({ program, args: argumentsFor(run, instance), environment: environmentFor(options), log: folder.log, sockets: sockets.lend(), announce: options.steps.line, mustAnswer: !waitForChange });
    void launched.ended.then(() => sockets.giveBack());
    launched.ready.catch(checked.reject);
    launched.checked.then((summary) => {
      kept.isPublic = summary.isPublic;
      instance.modules = summary.modules;
      checked.resolve(summary);
    }).then(() => database).then((databaseUrl) => launched.go({ databaseUrl, ports: kept.ports, succeeds }), () => {});
    return { ...launched, stop: () => (sockets.release(), launched.stop()) };
  };
  const keeper = new ProcessKeeper({
    launch,
    say: (text) => warnInLog(folder.log, text, nameInLog(run, instance)),
    changed: ({ state, process, ready, beside }) => {
      if (state === 'restarting') instance.restarts++;
      Object.assign(instance, { state, identity: process.identity, beside: beside?.identity });
      if (ready) Object.assign(instance, { address: kept.isPublic ? ready.address : undefined, operatorsAddress: ready.operatorsAddress, quarantined: ready.quarantined });
      options.changed(kept, ready);
    },
    ...(waitForChange && { waitForChange }),
  });
  const kept: KeptInstance = { instance, keeper, checked: checked.promise, isPublic: false, ports: {} };
  return kept;
}

function placeOf(address: string): Place {
  const { hostname, port } = new URL(address);
  return { host: hostname, port: Number(port) };
}

/** Starts a process for the first time; of several the error names it. */
export async function startInstance({ keeper, instance }: KeptInstance, { instances }: RunRecord): Promise<void> {
  await keeper.start().catch((error: Error) => {
    throw instances.length > 1 ? new OperatorError(`${instance.name}: ${error.message}`, { cause: error }) : error;
  });
}

const argumentsFor = ({ file, placement }: RunRecord, { name }: InstanceRecord): string[] =>
  ['--deployment', file, ...(placement === onePlacement ? [] : ['--placement', placement, '--process', name])];

const nameInLog = ({ placement }: RunRecord, { name }: InstanceRecord): string | undefined => (placement === onePlacement ? undefined : name);

/** Connections that a usual PostgreSQL server leaves for all processes together. */
const connectionsOfServer = 84;

function environmentFor({ folder, port, instance, environment, run: { instances, embeddedPostgres } }: InstanceToKeep): NodeJS.ProcessEnv {
  return {
    ...deploymentEnvironment(folder),
    MAINSTAY_DATA_FOLDER: folder.dataFiles,
    ...(port !== undefined && { MAINSTAY_PORT: String(port) }),
    ...Object.fromEntries(instances.flatMap(({ name, peer }) => (peer ? [[peerVariable(name), peer]] : []))),
    ...(!embeddedPostgres && instances.length > 1 && !process.env.MAINSTAY_DATABASE_CONNECTIONS && { MAINSTAY_DATABASE_CONNECTIONS: String(Math.ceil(connectionsOfServer / instances.length)) }),
    ...environment?.(instance, instances),
  };
}
