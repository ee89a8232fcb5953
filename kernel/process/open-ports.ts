import type { HttpServer } from '../http/start-http-server.ts';
import { platformVersion } from '../module/version.ts';
import { forwardService } from '../peers/forward-service.ts';
import { servicesElsewhere } from '../peers/network.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import type { OperatorsPort } from '../telemetry/operators-port.ts';
import type { RunningJobs } from './jobs.ts';
import type { Starting } from './start-module.ts';
import { openOperators } from './watch-process.ts';

/** What a process is reached at from outside; only the operators' address where no gateway runs in it. */
export interface OpenPorts {
  server: HttpServer | undefined;
  operators: OperatorsPort | undefined;
}

/** Opens the public port, if this process has the gateway or is the only one, and the operators' address. */
export async function openPorts(starting: Starting, jobs: RunningJobs): Promise<OpenPorts> {
  let server: HttpServer | undefined;
  const operators = await openOperators(starting, jobs, () => server?.connections ?? 0);
  try {
    if (!starting.network || starting.gateway) server = await openPort(starting);
    return { server, operators };
  } catch (error) {
    await operators?.close();
    throw error;
  }
}

async function openPort(starting: Starting): Promise<HttpServer> {
  const { deployment, modules, registry, log, gateway, info } = starting;
  const { host, port, bodyLimitBytes, connections } = deployment.http;
  offerServicesElsewhere(starting);
  // A process behind the gateway has no use for what serves the world, which is a seventh of what there is to load.
  const { startHttpServer } = await import('../http/start-http-server.ts');
  const server = await startHttpServer({
    services: starting.served,
    clients: modules.flatMap((module) => (module.client ? [{ module: module.name, folder: module.client, pages: module.pages ?? {} }] : [])),
    transport: registry.transport,
    host,
    port,
    bodyLimitBytes,
    connections,
    ...(gateway && { gateway: { gateway, guard: () => starting.guard! } }),
    health: { ready: () => readiness(starting) },
    info: { title: `Mainstay ${deployment.name}`, version: platformVersion },
    log,
    observed: deployment.telemetry,
  });
  const tellHealth = () => {
    const running = new Set(info.modules().flatMap(({ name, state }) => (state === 'running' ? [name] : [])));
    for (const { service, module } of starting.served) server.setServing(service.typeName, running.has(module));
  };
  tellHealth();
  // Whoever balances load asks here for services of other processes too.
  if (starting.network) starting.network.peers.asked = tellHealth;
  return server;
}

/** This process has started; the modules are those of the whole deployment. */
function readiness({ states, info }: Starting) {
  return { ready: states.all().every(({ state }) => state !== 'starting'), modules: info.modules().map(({ name, state }) => ({ name, state })) };
}

/** Callers from outside find the services of all processes here. */
function offerServicesElsewhere(starting: Starting): void {
  const { network, modules, here, registry, log, telemetry } = starting;
  if (!network) return;
  for (const { module, service } of servicesElsewhere(modules, here)) {
    const implementation = serveMethods(service, forwardService(service, network.transport), { module, guard: () => starting.guard!, log, telemetry, passesOn: true });
    registry.add(service, implementation);
    starting.served.push({ service, implementation, module });
  }
}
