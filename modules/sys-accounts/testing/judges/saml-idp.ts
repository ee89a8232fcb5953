import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Where Debian has its packages, whatever else is called python3 here.
const python = '/usr/bin/python3';

/** Why pysaml2 can not be asked here, if so. */
export const withoutSaml: string | false = spawnSync(python, ['-W', 'ignore', '-c', 'import saml2.sigver; saml2.sigver.get_xmlsec_binary()']).status === 0 ? false : 'needs the engine python3-pysaml2';

/** What the provider does: `person` it speaks of, and what is wrong with what it says (testing/judges/saml-idp.py). */
export interface Do {
  person?: { nameId: string; format?: string; attributes?: Record<string, string[]> };
  sign?: ('assertion' | 'response')[];
  [wrong: string]: unknown;
}

/** What its page makes the browser post. */
export interface Posted {
  action: string;
  fields: { SAMLResponse: string; RelayState: string };
}

/** What it was told, in order. */
export interface Told {
  request: 'AuthnRequest' | 'LogoutRequest' | 'LogoutResponse';
  [fact: string]: unknown;
}

/** A SAML identity provider on pysaml2. */
export type SamlIdp = Awaited<ReturnType<typeof startSamlIdp>>;

/** Starts a SAML identity provider on this machine. It ends with the test. */
export async function startSamlIdp() {
  const child = spawn(python, ['-W', 'ignore', join(import.meta.dirname, 'saml-idp.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  const ask = async (path: string, body?: string): Promise<string> => {
    const answer = await fetch(`${address}${path}`, body === undefined ? {} : { method: 'POST', body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the identity provider: ${text}`);
    return text;
  };
  return {
    address,
    entityId: `${address}/idp`,
    signInUrl: `${address}/sso`,
    logoutUrl: `${address}/slo`,
    certificate: (key = 'current') => ask(`/certificate?key=${key}`),
    /** Has it know a service provider. */
    learn: (metadata: string) => ask('/providers', metadata),
    /** What it makes the browser of a person post, who came with a request. */
    async answer(url: string, what: Do = {}): Promise<Posted> {
      const page = await ask(`${url.slice(address.length)}&do=${encodeURIComponent(JSON.stringify(what))}`);
      const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)![1]!;
      return { action: /action="([^"]*)"/.exec(page)![1]!, fields: { SAMLResponse: value('SAMLResponse'), RelayState: value('RelayState') } };
    },
    /** An answer that nobody asked for. */
    unsolicited: (sp: string, acs: string, what: Do): Promise<string> => ask('/answer', JSON.stringify({ sp, acs, ...what })),
    /** A logout that begins there: the address that the browser goes to, or the fields that it posts. */
    logOut: async (what: Record<string, unknown>) => JSON.parse(await ask('/log-out', JSON.stringify(what))) as { url: string; fields: { SAMLRequest: string; RelayState: string } },
    told: async () => JSON.parse(await ask('/told')) as Told[],
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
