import type { TestDeployment } from '@mainstay/testing';
import { TestOrg } from '../test-org.ts';
import { startCraftedProvider } from './crafted-provider.ts';
import { connect, FederatedLogin, oidc } from './federated-login.ts';

/** An org with a domain and a provider that does as the test says. Whoever comes is called by `who`. */
export async function craftedOrg(deployment: TestDeployment, changes: object = {}) {
  const org = await TestOrg.in(deployment);
  await org.own();
  const external = await startCraftedProvider();
  const provider = await connect(org, { ...oidc(external.issuer), ...changes });
  return {
    org,
    external,
    provider,
    /** Somebody in the domain of the org, as the provider tells of them. */
    somebody(claims: Record<string, unknown> = {}): { sub: string; email: string } {
      const sub = crypto.randomUUID();
      return { sub, email: `${sub}@${org.domain}`, email_verified: true, name: 'Grace', groups: [], ...claims } as { sub: string; email: string };
    },
    /** A page of a browser that has been at the provider: the address that it comes back to. */
    async sentBack(who: { email: string }, params: Record<string, string> = {}): Promise<{ flow: FederatedLogin; back: string }> {
      const flow = await FederatedLogin.at(deployment, params);
      return { flow, back: await askThere(await flow.leave(`any@${org.domain}`), external, who) };
    },
    /** A whole login, as far as it goes by itself. */
    async through(who: { email: string }, params: Record<string, string> = {}): Promise<FederatedLogin> {
      const { flow, back } = await this.sentBack(who, params);
      await flow.comeBack(back);
      return flow;
    },
  };
}

/** Asks a provider to log somebody in; gives where it sends the browser back to. */
export async function askThere(address: string, external: { who: Record<string, unknown> }, who: object): Promise<string> {
  external.who = { ...who };
  return (await fetch(address, { redirect: 'manual' })).headers.get('location')!;
}
