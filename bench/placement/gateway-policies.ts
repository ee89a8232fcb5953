import { randomUUID } from 'node:crypto';
import { PromisesService } from '../../modules/mod-promist/contract/index.ts';
import { config } from '../../modules/sys-gateway/config.ts';
import { createGateway } from '../../modules/sys-gateway/server/create-gateway.ts';
import { median } from '../percentile.ts';

const plenty = { requests: 100_000_000, seconds: 60 };

/** What a gateway is told to do, from nothing to all that it can do for a usual request. */
export const gatewaySections = {
  'as it is': {},
  'with limits on address and account': { limitLoopback: true, limitPerAddress: plenty, limitPerAccount: plenty },
  'with limits, origins and addresses': { limitLoopback: true, limitPerAddress: plenty, limitPerAccount: plenty, corsOrigins: ['https://app.example.com', 'https://*.example.org'], operatorsAllow: ['127.0.0.0/8', '::1'], timeoutSeconds: { query: 30, command: 30 } },
};

/** What the gateway itself does for a request: to let it in, and to let its call in. */
export async function comparePolicies(): Promise<void> {
  const method = PromisesService.method.getPromise;
  const principal = { kind: 'account', accountId: randomUUID(), orgId: randomUUID(), roles: [], sessionId: randomUUID() } as const;
  const facts = { services: () => [], rules: [], authenticate: () => principal, restPaths: () => [], carriesContent: () => false, placeOf: () => ({ instances: [], shards: 0 }), instances: 1 };
  const network = { callSettings: () => ({}), configureCalls: () => {} };
  console.log('\n### The policies alone\n\n| the gateway | µs a request |\n| --- | --- |');
  for (const [what, section] of Object.entries(gatewaySections)) {
    const chosen = config.parse(section);
    const settings = { get: async (key: keyof typeof chosen) => chosen[key] };
    const gateway = createGateway({ config: chosen, settings, deployment: { phase: 'D', network }, log: { warn() {} } } as never, facts);
    const setHeader = () => {};
    const request = { method: 'GET', url: '/v1/promises/x', path: '/v1/promises/x', headers: { host: 'localhost:4400', authorization: 'Bearer x' }, address: '127.0.0.1', encrypted: false, setHeader };
    const header = new Headers({ authorization: 'Bearer x' });
    const takes: number[] = [];
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      for (let count = 0; count < 200_000; count++) await gateway.admit(method, { header, setHeader }, await gateway.arrive(request));
      takes.push((performance.now() - began) / 200);
    }
    console.log(`| ${what} | ${median(takes).toFixed(2)} |`);
  }
}
