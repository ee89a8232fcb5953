import type { Guard } from '../guard/guard.ts';
import type { HttpServerOptions } from '../http/http-server-options.ts';
import { startHttpServer, type HttpServer } from '../http/start-http-server.ts';
import { InProcessRegistry } from '../placement/in-process-registry.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import { createLog } from '../telemetry/log.ts';
import { EchoService } from './contract/gen/mainstay/testing/v1/echo_pb.js';
import { LibraryService } from './contract/gen/mainstay/testing/v1/library_pb.js';
import { WebService } from './contract/gen/mainstay/testing/v1/web_pb.js';
import { echoService, type EchoWatch } from './echo.ts';
import { libraryService } from './library.ts';
import { webService } from './web.ts';

export { EchoService, LibraryService };

/** Lets everyone in: what the guard decides is tested where it lives. */
const openGuard: Guard = { authenticate: async () => ({ kind: 'anonymous' }), decide: () => ({ allowed: true }) };

/** An HTTP server on a free port that serves the test contracts as a process would; close it when done. */
export async function startTestServer(options: Partial<HttpServerOptions> = {}, watch?: EchoWatch): Promise<HttpServer> {
  const log = options.log ?? createLog({ level: 'silent' });
  const serving = { module: 'mod-test', guard: () => openGuard, log };
  const library = serveMethods(LibraryService, libraryService(), serving);
  const echo = serveMethods(EchoService, echoService(watch), serving);
  const web = serveMethods(WebService, webService(), serving);
  return startHttpServer({
    services: [
      { service: LibraryService, implementation: library, module: 'mod-test' },
      { service: EchoService, implementation: echo, module: 'mod-test' },
      { service: WebService, implementation: web, module: 'mod-test' },
    ],
    transport: new InProcessRegistry().add(LibraryService, library).add(EchoService, echo).add(WebService, web).transport,
    host: 'localhost',
    port: 0,
    health: { ready: () => ({ ready: true, modules: [{ name: 'mod-test', state: 'running' }] }) },
    info: { title: 'Test', version: '1.0.0' },
    log,
    ...options,
  });
}
