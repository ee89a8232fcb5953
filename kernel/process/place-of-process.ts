import { findInstance, peerVariable, databaseVariable, databasesOf, type Instance, type Placement } from '../placement/placement.ts';
import { providesGateway, readPlacement } from '../placement/read-placement.ts';
import type { Module } from '../module/define-module.ts';
import type { Deployment } from '../module/deployment.ts';
import { StartError } from '../module/start-error.ts';
import type { ProcessOptions } from './process-options.ts';

/** Which part of a deployment a process is, and where the others are. */
export interface PlaceOfProcess extends Required<Pick<ProcessOptions, 'placement' | 'peers' | 'databases'>> {
  instance: Instance;
  /** Whether it opens the public port. */
  isPublic: boolean;
  /** Whether the operators' port of the deployment file is its own; others take any free one. */
  isFirst: boolean;
}

interface Named {
  /** A placement file, or the name of one. */
  placement: string;
  /** The instance; may be absent where there is only one. */
  instance: string | undefined;
}

/**
 * Finds the place of a process in a placement; the addresses of the others come from `environment`. Throws a `StartError`
 * that names each variable that is missing or wrong.
 */
export function placeOfProcess(named: Named, deployment: Deployment, build: readonly Module[], environment: NodeJS.ProcessEnv): PlaceOfProcess {
  const modules = deployment.modules.map(({ module }) => module);
  const placement = readPlacement(named.placement, modules, build);
  const instance = instanceOf(placement, named.instance);
  const gateways = new Set<string>(modules.filter(providesGateway).map(({ name }) => name));
  const alone = placement.instances.length === 1;
  const open = placement.instances.filter(({ modules }) => alone || modules.some((name) => gateways.has(name)));
  return { placement, instance, peers: alone ? {} : peersFrom(placement, environment), databases: databasesFrom(placement, environment), isPublic: open.includes(instance), isFirst: open[0] === instance };
}

function instanceOf(placement: Placement, wanted: string | undefined): Instance {
  const { name, instances } = placement;
  const names = instances.map((instance) => instance.name).join(', ');
  if (wanted === undefined && instances.length > 1) throw new StartError([`the placement ${name} has several processes; name one with --process: ${names}`]);
  const found = wanted === undefined ? instances[0] : findInstance(placement, wanted);
  if (!found) throw new StartError([`the placement ${name} has no process "${wanted}" for the modules of this deployment; there are ${names}`]);
  return found;
}

function peersFrom({ instances }: Placement, environment: NodeJS.ProcessEnv): Record<string, string> {
  const problems: string[] = [];
  const peers = instances.map(({ name }, at) => {
    const variable = peerVariable(name);
    const value = environment[variable];
    const expected = `where ${name} is called by the other processes, such as http://127.0.0.1:${4500 + at}`;
    if (!value) problems.push(`the environment variable ${variable} is missing; set it to ${expected}`);
    else if (!isPeerAddress(value)) problems.push(`${variable} is "${value}"; it must be ${expected}`);
    return [name, value ?? ''] as const;
  });
  if (problems.length > 0) throw new StartError(problems);
  return Object.fromEntries(peers);
}

/** Scheme, host and port, and nothing else. */
function isPeerAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && /:\d+\/?$/.test(text) && url.pathname === '/' && !url.username && !url.search && !url.hash;
}

function databasesFrom(placement: Placement, environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(databasesOf(placement).filter((database) => database !== '').flatMap((database) => {
    const url = environment[databaseVariable(database)];
    return url ? [[database, url]] : [];
  }));
}
