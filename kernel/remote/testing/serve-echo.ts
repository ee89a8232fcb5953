import type { TestContext } from 'node:test';
import { createClient } from '../../placement/create-client.ts';
import { endWithCall } from '../../placement/end-with-call.ts';
import { servedMethods } from '../../placement/served-method.ts';
import { createLog } from '../../telemetry/log.ts';
import { EchoService } from '../../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService, type EchoWatch } from '../../testing/echo.ts';
import { RemoteTransport, type RemoteTransportOptions } from '../remote-transport.ts';
import { servePeers, type PeerServer, type PeerServerOptions } from '../serve-peers.ts';

/** The echo service as a process serves it to the others, to anybody, until the test ends. */
export async function serveEcho(t: TestContext, options: Partial<PeerServerOptions> = {}): Promise<{ server: PeerServer; watch: EchoWatch; received: Headers[] }> {
  const watch: EchoWatch = { running: 0, produced: 0 };
  const received: Headers[] = [];
  const methods = new Map(servedMethods(EchoService, endWithCall(EchoService, echoService(watch))).map((served) => [`${EchoService.typeName}/${served.method.name}`, served]));
  const arrive: PeerServerOptions['arrive'] = (header) => {
    received.push(new Headers([...header]));
    return { principal: { kind: 'anonymous' }, traceId: '0'.repeat(32) };
  };
  const server = await servePeers({ host: '127.0.0.1', port: 0, find: (name) => methods.get(name), arrive, bodyLimitBytes: 8 << 20, log: createLog({ level: 'silent' }), ...options });
  t.after(() => server.close());
  return { server, watch, received };
}

/** A client of the echo service in another process, until the test ends. */
export function clientOf(t: TestContext, address: string, options: Partial<RemoteTransportOptions> = {}) {
  const transport = new RemoteTransport({ address, depart: () => {}, ...options });
  t.after(() => transport.close());
  return createClient(EchoService, transport);
}
