import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { docsPage, docsScript, docsStyle } from './docs-page.ts';
import { homePage } from './home-page.ts';
import type { GatewayDoor } from '../gateway-door.ts';
import { openApiDocument } from '../openapi/openapi.ts';
import type { Comments } from '../openapi/openapi-schema.ts';
import { clientRoutes } from './client-files.ts';
import { pagePolicy } from './page-policy.ts';
import { favicon, pageStyle } from './page-style.ts';
import type { HttpServerOptions } from '../http-server-options.ts';

const commentsFile = new URL('../../../gen/comments.json', import.meta.url);

/** What the port serves beside the modules' services: the home page, the modules' own pages, the API's documentation, and the state of the process. */
export async function pageRoutes(app: FastifyInstance, { services, clients = [], health, info, door }: HttpServerOptions & { door: GatewayDoor | undefined }): Promise<void> {
  const page = (reply: FastifyReply, text: string) => reply.header('content-security-policy', pagePolicy()).header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(text);
  const fixed = (path: string, type: string, text: string) => app.get(path, (_request, reply) => reply.header('cache-control', 'public, max-age=300').type(type).send(text));

  app.get('/', (_request, reply) => page(reply, homePage(info.title, info.version, health.ready(), services, clients)));
  app.get('/docs', (_request, reply) => page(reply, docsPage(info.title)));
  fixed('/page.css', 'text/css; charset=utf-8', pageStyle);
  fixed('/favicon.svg', 'image/svg+xml', favicon);
  fixed('/docs/docs.css', 'text/css; charset=utf-8', docsStyle);
  fixed('/docs/start.js', 'text/javascript; charset=utf-8', docsScript);
  swaggerFile(app, 'swagger-ui.css', 'text/css; charset=utf-8');
  swaggerFile(app, 'swagger-ui-bundle.js', 'text/javascript; charset=utf-8');

  await clientRoutes(app, { clients });

  const described = services.map(({ service }) => service);
  // As bytes: each answer would be a copy of a long text.
  const documents = new Map<string, () => Promise<Buffer>>();
  const documentAt = ({ domain = '', serves }: Partial<ReturnType<GatewayDoor['placeOf']>>) => {
    const made = documents.get(domain) ?? once(async () => Buffer.from(JSON.stringify(openApiDocument(described, info, await readComments(), serves))));
    documents.set(domain, made);
    return made();
  };
  app.get('/openapi.json', async (request, reply) => reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8').send(await documentAt(door?.placeOf(request) ?? {})));

  app.get('/healthz', (_request, reply) => reply.header('cache-control', 'no-store').send({ alive: true }));
  app.get('/readyz', (_request, reply) => {
    const state = health.ready();
    return reply.code(state.ready ? 200 : 503).header('cache-control', 'no-store').send(state);
  });
}

/** A file of Swagger UI, compressed once: it is over a megabyte. */
function swaggerFile(app: FastifyInstance, name: string, type: string): void {
  const plain = once(() => readFile(new URL(import.meta.resolve(`swagger-ui-dist/${name}`))));
  const zipped = once(async () => promisify(gzip)(await plain()));
  app.get(`/docs/${name}`, async (request, reply) => {
    reply.header('cache-control', 'public, max-age=3600').header('vary', 'accept-encoding').type(type);
    const accepts = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    return accepts ? reply.header('content-encoding', 'gzip').send(await zipped()) : reply.send(await plain());
  });
}

/** Comments are for people to read: without the file the document is complete but silent. */
async function readComments(): Promise<Comments> {
  try {
    return JSON.parse(await readFile(commentsFile, 'utf8')) as Comments;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
