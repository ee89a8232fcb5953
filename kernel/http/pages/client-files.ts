import { access, readFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Page } from '../../module/define-module.ts';
import { StartError } from '../../module/start-error.ts';
import { pagePolicy } from './page-policy.ts';

/** What a module shows in browsers: a folder of files, and which of them are pages, by their paths below `/apps/<module>`. */
export interface ModuleClient {
  module: string;
  folder: URL;
  pages: Readonly<Record<string, Page>>;
}

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/** Where a page of a module is found, such as `/apps/mod-hello/`. */
export const pageAddress = (module: string, path: string): string => `/apps/${module}${path}`;

/**
 * Serves each module's `client/` below `/apps/<module>/`: exactly the files that are there at the start. Anyone may read
 * them; whoever uses a page signs in to call the API. Throws a `StartError` for a page whose file is missing.
 */
export async function clientRoutes(app: FastifyInstance, { clients = [] }: { clients?: readonly ModuleClient[] }): Promise<void> {
  for (const { module, folder, pages } of clients) {
    const offer = (path: string, file: string) => app.get(pageAddress(module, path), async (_request, reply) =>
      reply.header('content-security-policy', pagePolicy()).header('cache-control', 'no-cache').type(types[extname(file)]!).send(await readFile(new URL(file, folder))));
    for (const file of globSync('**/*', { cwd: fileURLToPath(folder) })) if (types[extname(file)] && /^[\w./-]+$/.test(file)) offer(`/${file}`, file);
    for (const [path, { view }] of Object.entries(pages)) {
      await access(new URL(view, folder)).catch((error: unknown) => {
        throw new StartError([`${module} has no file client/${view} for its page ${path}; add it, or take the page from module.ts`], { cause: error });
      });
      offer(path, view);
    }
  }
}
