import { createRegistry } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { fastifyConnectPlugin } from '@connectrpc/connect-fastify';
import { Health } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';
import { ServerReflection } from '@mainstay/kernel/contract/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '@mainstay/kernel/contract/grpc/reflection/v1alpha/reflection_pb.js';
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import { urlOf } from './bind-all.ts';
import { limitBodyTime } from './body-time-limit.ts';
import { longestTimeoutMs } from './call-timeout.ts';
import { checkRpcBodies } from './rpc/check-rpc-body.ts';
import { filesWithImports } from './rpc/contract-files.ts';
import { plainGrpcMessages } from './rpc/grpc-message.ts';
import { GatewayDoor } from './gateway-door.ts';
import { healthService, ServingState } from './rpc/health.ts';
import type { HttpServerOptions } from './http-server-options.ts';
import type { GatewayTls } from '../gateway/gateway.ts';
import type { Logger } from '../telemetry/log.ts';
import { httpErrors } from './http-errors.ts';
import { messageLimit } from './rpc/message-limit.ts';
import { strictJson } from './rpc/strict-json.ts';
import { createOnePort, type OnePort } from './one-port.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { pageRoutes } from './pages/pages.ts';
import { peerValues } from './peer.ts';
import { sendProblem } from './problem.ts';
import { problemHandlers } from './problem-handlers.ts';
import { withReasons } from './rpc/reasoned-answers.ts';
import { reflectionService } from './rpc/reflection.ts';
import { restRoutes } from './rest/rest.ts';
import { securityHeaders } from './security-headers.ts';
import { refuseRepeatedHeaders } from './single-headers.ts';
import { socketRoute } from './socket/websocket.ts';
import { dropUnreadBodies } from './unread-body.ts';
import { watchRequests } from './watch-requests.ts';

export type { HttpServerOptions, Readiness, ServedService } from './http-server-options.ts';

export interface HttpServer {
  /** Such as `http://localhost:4400`. */
  address: string;
  port: number;
  fastify: FastifyInstance;
  /** Connections that are open. */
  readonly connections: number;
  /** Says to gRPC health checks whether a service, by its full name, is being served. */
  setServing(serviceTypeName: string, serving: boolean): void;
  /** Ends the streams after a moment, and lets other calls in progress finish: for a moment, or some seconds where another process takes over, whose clients must notice nothing. */
  close(isTakenOver?: boolean): Promise<void>;
}

/**
 * Serves the modules' services on one port: gRPC, gRPC-web, Connect, REST, WebSocket, health, reflection and the API's documentation.
 * Rejects with code `EADDRINUSE` and a message that names the port if it is taken.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { port: onePort, app } = createApp(options.connections);
  const [stopping, cutting] = [new AbortController(), new AbortController()];
  const services = options.services.map(({ service }) => service);
  const state = new ServingState(services.map(({ typeName }) => typeName));
  const bodyLimitBytes = options.bodyLimitBytes ?? 16 * 1024 * 1024;
  const registry = createRegistry(...filesWithImports(services.map(({ file }) => file)).values());
  const offered: OfferedOptions = { ...options, bodyLimitBytes, registry, state, stopping: stopping.signal, cutting: cutting.signal };

  watchRequests(app, options.log, options.observed);
  problemHandlers(app, { bodyLimitBytes, log: options.log });
  securityHeaders(app, stopping.signal);
  refuseRepeatedHeaders(app);
  limitBodyTime(app, 60_000, [...services, ...standard]);
  dropUnreadBodies(app);
  const door = options.gateway && new GatewayDoor({ ...options, ...options.gateway, bodyLimitBytes });
  door?.guardRoutes(app);
  const json = { registry, alwaysEmitImplicit: true };
  await socketRoute(app, { services, transport: options.transport, json, door, frameLimitBytes: Math.min(bodyLimitBytes, 1024 * 1024), stopping: stopping.signal });
  await app.register(rpcRoutes, offered);
  await app.register(pageRoutes, { ...options, door });
  await app.register(restRoutes, { services, transport: options.transport, json, door, bodyLimitBytes, stopping: stopping.signal });
  await app.ready();

  const close = (isTakenOver = false) => closeAll(app, onePort, state, { stopping, cutting, isTakenOver });
  const port = await onePort.listen(options.host, options.port).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  if (door?.gateway.tls) await openTls(onePort, door.gateway.tls, options.log).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    address: urlOf(options.host, port),
    port,
    fastify: app,
    get connections() {
      return onePort.connections;
    },
    setServing: (name, serving) => state.set(name, serving),
    close,
  };
}

interface OfferedOptions extends HttpServerOptions {
  bodyLimitBytes: number;
  registry: ReturnType<typeof createRegistry>;
  state: ServingState;
  /** Ends streams. */
  stopping: AbortSignal;
  /** Ends what is left after that. */
  cutting: AbortSignal;
}

function createApp(limits: ConnectionLimits | undefined): { app: FastifyInstance; port: OnePort } {
  let port!: OnePort;
  const app = fastify({
    // Fastify makes the server, but the port decides which protocol a connection gets.
    serverFactory: (handler) => (port = createOnePort(handler, { ...(limits && { limits }) })).server,
    logger: false,
    routerOptions: { maxParamLength: 2000 },
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => sendProblem(reply as FastifyReply, error.code === 'FST_ERR_BAD_URL' ? httpErrors.MALFORMED_PATH({ what: 'the path' }) : httpErrors.MALFORMED_REQUEST({ problem: error.message })),
  });
  return { app, port };
}

/** Opens the port with TLS beside the plain one. */
async function openTls(onePort: OnePort, tls: GatewayTls, log: Logger): Promise<void> {
  const failed = (err: unknown) => log.error({ err }, 'the new certificate can not be used; the one before stays');
  tls.opened(await onePort.listenTls(tls.host, tls.port, { read: () => tls.read(), watch: (changed) => tls.watch(changed) }, failed));
}

/** Services that every gRPC server has. */
const standard = [Health, ServerReflection, ServerReflectionAlpha];

/** gRPC, gRPC-web and Connect for every service, and the standard health and reflection services. */
async function rpcRoutes(app: FastifyInstance, { services, state, stopping, cutting, bodyLimitBytes, registry }: OfferedOptions): Promise<void> {
  const described = [...services.map(({ service }) => service), ...standard];
  const reflection = reflectionService(described);
  plainGrpcMessages(app);
  const jsonOptions = { registry, ignoreUnknownFields: false };
  checkRpcBodies(app, described, jsonOptions, bodyLimitBytes);
  await app.register(fastifyConnectPlugin, {
    routes: (router) => {
      for (const { service, implementation } of services) {
        for (const method of service.methods) router.rpc(method, implementation[method.localName]!.bind(implementation) as never, { readMaxBytes: messageLimit(method.input, bodyLimitBytes), jsonOptions: strictJson(method.input, jsonOptions), shutdownSignal: method.methodKind === 'unary' ? cutting : stopping });
      }
      // A contract with all that it imports may be larger than any message of it.
      const unlimited = { writeMaxBytes: 0xffff_ffff };
      router.service(Health, healthService(state)).service(ServerReflection, reflection, unlimited).service(ServerReflectionAlpha, reflection as never, unlimited);
      router.handlers.splice(0, router.handlers.length, ...router.handlers.map(withReasons));
    },
    readMaxBytes: bodyLimitBytes,
    writeMaxBytes: bodyLimitBytes,
    maxTimeoutMs: longestTimeoutMs,
    jsonOptions,
    shutdownSignal: stopping,
    contextValues: peerValues,
  });
}

/** Less than the controller waits for the process. */
const FINISH_MILLISECONDS = 8000;

async function closeAll(app: FastifyInstance, port: OnePort, state: ServingState, { stopping, cutting, isTakenOver }: { stopping: AbortController; cutting: AbortController; isTakenOver: boolean }): Promise<void> {
  state.end();
  const drained = port.drain(isTakenOver);
  await within(500, drained);
  stopping.abort(httpErrors.STOPPING() satisfies ConnectError);
  if (isTakenOver) await within(FINISH_MILLISECONDS, drained);
  cutting.abort(httpErrors.STOPPING() satisfies ConnectError);
  await within(700, drained);
  port.destroy();
  await drained;
  await app.close();
}

async function within(milliseconds: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)))]);
  clearTimeout(timer);
}
