import { html } from './html-text.ts';
import { pageHeader } from './home-page.ts';

/** The page at `/docs`: Swagger UI, served from here, asking no other host for anything. */
export function docsPage(title: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of ${title}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
${pageHeader(title)}
<div id="docs"><noscript><main><p>This page needs JavaScript; <a href="/openapi.json">the OpenAPI document</a> holds the same.</p></main></noscript></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>`.text;
}

/** Starts Swagger UI. A token entered with "Authorize" stays in the page and is gone with it. */
export const docsScript = `
const dark = matchMedia('(prefers-color-scheme: dark)');
const show = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', show);
show();
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  persistAuthorization: false,
});
`;

export const docsStyle = `
.swagger-ui .wrapper { max-width: 62rem; padding: 0 1rem; }
.swagger-ui .info { margin: 1.5rem 0; }
.swagger-ui .scheme-container { padding: 1rem 0; background: transparent; box-shadow: none; }
.swagger-ui .topbar { display: none; }
.swagger-ui .filter .operation-filter-input { max-width: none; }
@media (max-width: 40rem) {
  .swagger-ui .opblock-tag { flex-wrap: wrap; gap: .25rem; padding: .75rem 0; }
  .swagger-ui .opblock-tag > a { flex: 1; }
  .swagger-ui .opblock-tag small { order: 1; flex: 0 0 100%; padding: 0; }
}
`;
