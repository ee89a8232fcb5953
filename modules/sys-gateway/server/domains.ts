import { misdirected, type Phase } from '@mainstay/kernel';
import type { Config } from '../config.ts';

export type Domain = 'operators' | 'users';

const local = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Which names are whose. */
export class Domains {
  readonly #byHost = new Map<string, Domain>();
  readonly #localhost: boolean;

  constructor({ domains, localhost }: Pick<Config, 'domains' | 'localhost'>, phase: Phase) {
    for (const domain of domains) this.#byHost.set(`sys-main.${domain}`, 'operators').set(`mod-main.${domain}`, 'users');
    this.#localhost = localhost ?? (phase === 'D' || phase === 'T');
  }

  /** By which domain a request came; undefined where there is but one, and for this machine itself. Throws `kernel.MISDIRECTED` for a name that is none of ours. */
  of(host: string): Domain | undefined {
    if (this.#byHost.size === 0) return undefined;
    const name = hostName(host);
    const domain = this.#byHost.get(name);
    if (domain || (this.#localhost && local.has(name))) return domain;
    throw misdirected({ host: name.slice(0, 100) });
  }
}

/** The name in `Host` or `:authority`, without the port and the root's dot. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');

/** Whether a request names this machine as such. */
export const isLocalName = (host: string): boolean => local.has(hostName(host));
