import { createRouterTransport } from '@connectrpc/connect';
import type { Guard } from '../guard/guard.ts';
import { startHttpServer, type HttpServer, type HttpServerOptions } from '../http/start-http-server.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import { createLog } from '../telemetry/log.ts';
import { LibraryService } from './contract/gen/mainstay/testing/v1/library_pb.js';
import { libraryService } from './library.ts';

/** Lets everyone in: what the guard decides is tested where it lives. */
const openGuard: Guard = { authenticate: async () => ({ kind: 'anonymous' }), decide: () => ({ allowed: true }) };

/** A server with the test library on a free port, for tests; close it when done. */
export async function startLibraryServer(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const log = createLog({ level: 'fatal' });
  const implementation = serveMethods(LibraryService, libraryService(), { module: 'mod-library', guard: () => openGuard, log });
  return startHttpServer({
    services: [{ service: LibraryService, implementation, module: 'mod-library' }],
    transport: createRouterTransport((router) => router.service(LibraryService, implementation)),
    host: 'localhost',
    port: 0,
    health: { ready: () => ({ ready: true, modules: [{ name: 'mod-library', state: 'running' }] }) },
    info: { title: 'Library', version: '1.0.0' },
    log,
    ...options,
  });
}
