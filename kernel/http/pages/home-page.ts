import { type DescService, getOption } from '@bufbuild/protobuf';
import { access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { Html, html } from './html-text.ts';
import { logo } from './page-style.ts';
import type { Readiness, ServedService } from '../http-server-options.ts';
import { httpBindings } from '../rest/http-binding.ts';
import { isWeb } from '../rest/web-method.ts';
import { pageAddress, type ModuleClient } from './client-files.ts';

/** The page at `/`: what runs here, how it is, and where to read on. */
export function homePage(title: string, version: string, { ready, modules }: Readiness, services: readonly ServedService[], clients: readonly ModuleClient[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
</head>
<body>
${pageHeader(title)}
<main>
<p class="lead">${ready ? 'Ready' : 'Not ready yet'}: ${modules.filter(({ state }) => state === 'running').length} of ${modules.length} modules run. Version ${version}.</p>
<h2>Modules</h2>
<ul class="cards">
${modules.map((module) => moduleCard(module, services, clients))}
</ul>
<h2>For programs</h2>
<ul class="cards">
<li><span class="name"><a href="/docs">API documentation</a></span><p class="small">Every REST call, to read and to try.</p></li>
<li><span class="name"><a href="/openapi.json">OpenAPI 3.1</a></span><p class="small">The same for tools.</p></li>
<li><span class="name"><a href="/readyz">Readiness</a></span><p class="small">For load balancers and scripts; <a href="/healthz">/healthz</a> says that the process lives.</p></li>
<li><span class="name">gRPC, gRPC-web, Connect</span><p class="small">On this same port, with reflection; all calls through one WebSocket at <code>/v1/socket</code>.</p></li>
</ul>
</main>
</body>
</html>`.text;
}

/** The bar on top of every page. */
export const pageHeader = (title: string): Html => html`<header>${new Html(logo)}<h1><a href="/">${title}</a></h1><nav><a href="/docs">API</a><a href="/openapi.json">OpenAPI</a><a href="/readyz">Status</a></nav></header>`;

function moduleCard({ name, state }: Readiness['modules'][number], services: readonly ServedService[], clients: readonly ModuleClient[]): Html {
  const own = services.filter(({ module, service }) => module === name && !isInternal(service)).map(({ service }) => serviceLink(service));
  const pages = clients.filter(({ module }) => module === name).flatMap(({ module, pages }) => Object.entries(pages).map(([path, { title }]) => html`<p class="small"><a href="${pageAddress(module, path)}">${title}</a></p>`));
  return html`<li><span class="name">${name} <span class="state ${state}">${state}</span></span>${pages}${own}</li>
`;
}

/** A service that REST reaches leads to its documentation. */
function serviceLink({ name, typeName, methods }: DescService): Html {
  const shown = html`<code>${typeName}</code>`;
  const documented = methods.some((method) => !isWeb(method) && httpBindings(method).length > 0);
  return html`<p class="small">${documented ? html`<a href="/docs#/${name}">${shown}</a>` : shown}</p>`;
}

/** Whether other modules alone may call it. */
const isInternal = ({ methods }: DescService): boolean => methods.length > 0 && methods.every((method) => getOption(method, access).rule.case === 'internal');
