import { request } from 'undici';

/** What browsers say of a request whose answer they show (Fetch Metadata). `fetch` says that it is a script. */
const navigating = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

/** What a browser shows. */
export interface Shown {
  url: string;
  status: number;
  text: string;
  headers: Headers;
}

/** A browser without scripts: it keeps cookies by path, follows redirects until they leave the deployment, and sends forms as they stand. */
export class Browser {
  readonly #origin: string;
  /** By name and path: a browser has several of one name. */
  readonly #cookies = new Map<string, { name: string; path: string; value: string }>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  get cookies(): ReadonlyMap<string, { path: string; value: string }> {
    return new Map([...this.#cookies.values()].map((cookie) => [cookie.name, cookie]));
  }

  open(url: string, init: RequestInit = {}): Promise<Shown> {
    return this.#follow(url, init, true);
  }

  /** Posts a form of a page of another site: with that go no cookies that are SameSite=Lax, as all of ours are, but with redirections they do. */
  postFrom(site: string, url: string, fields: Record<string, string>): Promise<Shown> {
    return this.#follow(url, { method: 'POST', body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', origin: site, 'sec-fetch-site': 'cross-site' } }, false);
  }

  async #follow(url: string, init: RequestInit, withCookies: boolean): Promise<Shown> {
    let next = { url: new URL(url, this.#origin).href, init, withCookies };
    for (let hops = 0; hops < 20; hops++) {
      const { statusCode: status, headers: answered, body } = await request(next.url, { method: (next.init.method ?? 'GET') as 'GET', headers: { ...navigating, ...(next.init.headers as Record<string, string>), ...(next.withCookies && { cookie: this.#cookiesFor(next.url) }) }, ...(next.init.body != null && { body: next.init.body as string }) });
      const headers = new Headers(Object.entries(answered).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one])));
      const text = await body.text();
      this.#keep(headers);
      const location = headers.get('location');
      if (!location) return { url: next.url, status, text, headers };
      const target = new URL(location, next.url).href;
      if (!target.startsWith(this.#origin)) return { url: target, status, text: '', headers };
      next = { url: target, init: {}, withCookies: true };
    }
    throw new Error('it is redirected for ever');
  }

  /** Sends the form of a page, the first that has all these fields, with what it has filled in already. */
  async submit(page: Shown, fields: Record<string, string>): Promise<Shown> {
    const forms = [...page.text.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes, content]) => ({ attributes: attributes!, content: content! }));
    const form = forms.find(({ content }) => Object.keys(fields).every((name) => content.includes(`name="${name}"`)));
    if (!form) throw new Error(`no form with ${Object.keys(fields).join(', ')} on\n${page.text}`);
    const body = new URLSearchParams();
    for (const [, tag] of form.content.matchAll(/<input([^>]*)>/g)) {
      const [name, value] = ['name', 'value'].map((attribute) => new RegExp(`${attribute}="([^"]*)"`).exec(tag!)?.[1]);
      if (name) body.set(name, unescaped(value ?? ''));
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const action = /action="([^"]*)"/.exec(form.attributes)?.[1];
    return this.open(new URL(unescaped(action ?? ''), page.url).href || page.url, { method: 'POST', body: body.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', origin: this.#origin, 'sec-fetch-site': 'same-origin' } });
  }

  #cookiesFor(url: string): string {
    const { pathname } = new URL(url);
    return [...this.#cookies.values()].filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)).map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  #keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const [name, value] = [pair!.slice(0, pair!.indexOf('=')), pair!.slice(pair!.indexOf('=') + 1)];
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
      if (value === '' || (expires && Date.parse(expires) < Date.now())) this.#cookies.delete(`${name} ${path}`);
      else this.#cookies.set(`${name} ${path}`, { name, path, value });
    }
  }
}

const unescaped = (text: string): string => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))).replaceAll('&amp;', '&').replaceAll('&quot;', '"');
