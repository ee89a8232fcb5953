import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl, Transport } from '@connectrpc/connect';
import type { ConnectionLimits } from './connection-limits.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Guard } from '../guard/guard.ts';
import type { Logger } from '../telemetry/log.ts';
import type { ModuleClient } from './pages/client-files.ts';
import type { Observed } from '../telemetry/telemetry-config.ts';

/** A service that the port offers, with the implementation that stands behind the guard. */
export interface ServedService {
  service: DescService;
  implementation: ServiceImpl<any>;
  /** The module that serves it. */
  module: string;
}

/** Whether the process is ready, and the state of each of its modules. */
export interface Readiness {
  ready: boolean;
  modules: { name: string; state: string }[];
}

export interface HttpServerOptions {
  services: readonly ServedService[];
  /** The modules that bring pages. */
  clients?: readonly ModuleClient[];
  /** In-process: REST and WebSocket calls go through it, with the request's headers. */
  transport: Transport;
  /** `localhost` binds both loopback addresses. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** The largest request or message, in bytes; 16 MiB if absent. */
  bodyLimitBytes?: number;
  /** How many may be connected; 10,000, and 1,000 from one address, if absent. */
  connections?: ConnectionLimits;
  /** The policies of the door, and the guard that it asks; there are none if absent. */
  gateway?: { gateway: Gateway; guard: () => Guard };
  health: { ready(): Readiness };
  info: { title: string; version: string };
  log: Logger;
  /** Which requests get a line in it; those that failed by our fault or took long if absent. */
  observed?: Readonly<Observed>;
}
