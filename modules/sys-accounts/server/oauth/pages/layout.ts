import { html, pagePolicy, type Html } from '@mainstay/kernel';
import type { Needs } from '../../needs.ts';
import type { Words } from './words.ts';

/** What a page of the provider is made of. */
export interface PageContent {
  heading: string;
  /** What went wrong with what was entered; read out first. */
  problem?: string | undefined;
  /** Where the page goes on to by itself. */
  goesTo?: string;
  body: Html;
}

/** One page of the provider, in the words and the direction of the person's language. */
export const page = ({ deployment }: Pick<Needs, 'deployment'>, { language, direction }: Words, { heading, problem, goesTo, body }: PageContent): string =>
  html`<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${goesTo === undefined ? undefined : html`<meta http-equiv="refresh" content="0; url=${goesTo}">`}
<title>${heading} · ${deployment.name}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/oauth2/pages/login.css">
</head>
<body class="login">
<main>
<p class="small">${deployment.name}</p>
<h1>${heading}</h1>
${problem === undefined ? undefined : html`<p class="problem" role="alert">${problem}</p>`}
${body}
</main>
</body>
</html>
`.text;

/** What is added to the style of the platform's pages. */
export const loginStyle = `
body.login { display: grid; min-height: 100vh; align-items: start; justify-items: center; }
body.login main { width: min(26rem, 100%); margin-top: min(10vh, 6rem); padding: 1.75rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
body.login h1 { margin: .2rem 0 1rem; font-size: 1.4rem; overflow-wrap: anywhere; }
body.login form { max-width: none; }
body.login ul { padding-inline-start: 1.2rem; }
body.login button.second { background: none; color: var(--brand); border-color: var(--line); }
body.login label.check { display: flex; align-items: center; gap: .5rem; }
body.login summary { cursor: pointer; font-size: .88rem; color: var(--brand); padding: .2rem 0; }
body.login p.forgotten { margin-block: 1.25rem; }
body.login form + form, body.login p.small + form { margin-top: .75rem; }
body.login .problem { color: var(--bad); margin: 0 0 1rem; }
body.login .code { font: 600 1.6rem ui-monospace, monospace; letter-spacing: .12em; text-align: center; }
body.login :focus-visible { outline: 2px solid var(--brand); outline-offset: 2px; }
@media (max-width: 28rem) { body.login main { margin-top: 0; border: 0; border-radius: 0; min-height: 100vh; } }
`;

/** The policy of a page whose forms lead here, and to where the client wants the browser back. */
export const formPolicy = (leadsTo: readonly string[] = []): string => pagePolicy(["'self'", ...leadsTo]);

/** The origin of a redirect URI, as `form-action` names it; its scheme where it is a program's own. */
export function sourceOf(redirectUri: string): string[] {
  const url = URL.parse(redirectUri);
  if (!url) return [];
  return [url.origin === 'null' ? url.protocol : url.origin];
}
