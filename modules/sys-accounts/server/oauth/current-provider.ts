import type { RequestListener } from 'node:http';
import { currentCall } from '@mainstay/kernel';
import type { Client, Provider } from 'oidc-provider';
import { samlAroundProvider } from '../federation/saml/provider-middleware.ts';
import type { Needs } from '../needs.ts';
import { formPolicy } from './pages/layout.ts';
import { isTheSecret } from './client-secret.ts';
import { introspectJwt } from './introspect-jwt.ts';
import { promptPolicy } from './prompt-policy.ts';
import { providerConfig } from './provider-config.ts';
import { readProviderKeys } from './provider-keys.ts';
import { exchangeParameters, exchangeToken, tokenExchange } from './token-exchange.ts';
import { logoutIsTold } from './tell-logout.ts';

export interface RunningProvider {
  provider: Provider;
  listener: RequestListener;
}

/** A process looks so often whether another key signs now, in milliseconds. */
const keysFreshMilliseconds = 2000;

/** The provider, made at its first use, and made anew when other keys count. */
export class CurrentProvider {
  readonly #needs: Needs;
  #made: { until: number; keyIds: string; running: Promise<RunningProvider> } | undefined;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  async get(): Promise<RunningProvider> {
    if (this.#made && this.#made.until > performance.now()) return this.#made.running;
    const keys = await readProviderKeys(this.#needs);
    const keyIds = keys.map(({ kid }) => kid).join();
    const running = this.#made?.keyIds === keyIds ? this.#made.running : makeProvider(this.#needs, keys);
    const made = (this.#made = { until: performance.now() + keysFreshMilliseconds, keyIds, running });
    running.catch(() => {
      if (this.#made === made) this.#made = undefined;
    });
    return running;
  }
}

async function makeProvider(needs: Needs, keys: object[]): Promise<RunningProvider> {
  const { Provider, errors, interactionPolicy } = await loadLibrary();
  const provider = new Provider(needs.deployment.address, providerConfig(needs, { keys }, { errors, policy: promptPolicy(interactionPolicy) }));
  provider.proxy = true;
  // Logouts are told by a job, of every session that ends, also of those that are kept when a browser logs out.
  const backchannelLogout = function (this: Client, accountId: string, sid: string) {
    return needs.db.write((tx) => logoutIsTold(tx, { clientId: this.clientId, accountId, sid }));
  };
  Object.assign(provider.Client.prototype, { compareClientSecret: isTheSecret, backchannelLogout });
  provider.use(async (ctx, next) => {
    ctx.set('content-security-policy', formPolicy());
    await next();
  });
  provider.use(samlAroundProvider(needs));
  provider.use(introspectJwt(needs));
  provider.registerGrantType(tokenExchange, exchangeToken(needs, errors), exchangeParameters, []);
  // Whoever called may have left, or their time be over: what is under way fails then, and nobody is told.
  provider.on('server_error', (_ctx, err) => currentCall().signal?.aborted || needs.log.error({ err }, 'the provider failed'));
  return { provider, listener: provider.callback() };
}

/** It is large, and many processes never need it. Its index warns of every Node that does not call itself a long-term one, as ours does not. */
async function loadLibrary(): Promise<Pick<typeof import('oidc-provider'), 'Provider' | 'errors' | 'interactionPolicy'>> {
  const [{ Provider }, errors, interactionPolicy] = await Promise.all(['provider', 'helpers/errors', 'helpers/interaction_policy/index'].map((file) => import(`oidc-provider/lib/${file}.js`)));
  return { Provider, errors, interactionPolicy };
}
