import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bindAll, urlOf } from '../http/bind-all.ts';
import { ConnectionCount } from '../http/connection-limits.ts';
import { oneAtATime } from '../http/one-at-a-time.ts';
import { StartError } from '../module/start-error.ts';
import { openMetricsType, prometheusText, prometheusType } from './prometheus-text.ts';
import type { MetricFamily } from './metrics.ts';

/** What the operators' address tells. */
export interface OperatorsView {
  metrics(): Promise<MetricFamily[]>;
  ready(): { ready: boolean; modules: { name: string; state: string; problem?: string }[] };
  /** The processes of the deployment, as this one knows them. */
  peers(): object[];
}

export interface OperatorsPort {
  /** Such as `http://localhost:4401`. */
  address: string;
  close(): Promise<void>;
}

/** Tools that watch need few connections. */
const mostConnections = 100;

/**
 * Opens the address that is for operators and their tools alone: `/metrics` (Prometheus text, or OpenMetrics),
 * `/livez`, `/readyz` and `/peers`. Throws a `StartError` if its port is taken.
 */
export async function openOperatorsPort({ host, port }: { host: string; port: number }, view: OperatorsView): Promise<OperatorsPort> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 }, oneAtATime((request, response) => void answer(request, response, view)));
  // It never listens itself, so it must be told to start watching for slow requests.
  server.emit('listening');
  const sockets = new Set<Socket>();
  const count = new ConnectionCount({ all: mostConnections, perAddress: mostConnections });
  const makeRoom = () => {
    server.closeIdleConnections();
    return [...sockets].some((socket) => socket.destroyed);
  };
  const accept = (socket: Socket) => {
    if (!count.admits(socket, makeRoom)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    server.emit('connection', socket);
  };
  const bound = await bindAll(host, port, accept).catch((error: NodeJS.ErrnoException) => {
    throw new StartError([error.code === 'EADDRINUSE' ? `port ${port} for operators is taken by another program; set operators.port in the deployment file to another (0 takes any free one), or operators: off` : `it is not possible to listen on ${host}:${port} for operators: ${error.message}; correct "operators" in the deployment file`], { cause: error });
  });
  return {
    address: urlOf(host, bound.port),
    close: async () => {
      server.close(() => {});
      const closed = bound.listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, view: OperatorsView): Promise<void> {
  const send = (status: number, type: string, text: string) => {
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  const json = (status: number, value: object) => send(status, 'application/json; charset=utf-8', JSON.stringify(value));
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { detail: 'only GET and HEAD are allowed here' });
  const path = request.url?.split('?', 1)[0];
  if (path === '/livez') return json(200, { alive: true });
  if (path === '/readyz') {
    const state = view.ready();
    return json(state.ready ? 200 : 503, state);
  }
  if (path === '/peers') return json(200, view.peers());
  if (path !== '/metrics') return json(404, { detail: 'here are /metrics, /livez, /readyz and /peers' });
  const openMetrics = /\bapplication\/openmetrics-text\b/.test(request.headers.accept ?? '');
  send(200, openMetrics ? openMetricsType : prometheusType, prometheusText(await view.metrics(), { openMetrics }));
}
