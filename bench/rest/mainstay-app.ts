import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { startApp, type RunningApp } from './running-app.ts';

/** Mainstay under load, and the demo user it is used as. */
export interface MainstayApp extends RunningApp {
  orgId: string;
  accountId: string;
}

/** Starts Mainstay as its controller would, in a process of its own, and signs in as a user of the demo. `sections` are added to its deployment file, and `moreModules` below its modules. */
export async function startMainstay(folder: string, databaseUrl: string, sections = '', flags: readonly string[] = nodeFlags, moreModules = ''): Promise<MainstayApp> {
  const file = join(folder, 'bench.yaml');
  writeFileSync(file, `name: bench\nphase: T\nhttp: { port: 0 }\n${sections}\nmodules:\n  sys-core:\n  sys-accounts: { accessTokenMinutes: 60 }\n  sys-email:\n  mod-promist:\n${moreModules}`);
  const app = await startApp({
    name: 'Mainstay',
    script: join(import.meta.dirname, '../../main/main.ts'),
    args: ['--deployment', file],
    nodeFlags: flags,
    environment: { DATABASE_URL: databaseUrl, MAINSTAY_SECRET: randomBytes(32).toString('hex'), MAINSTAY_DATA_FOLDER: join(folder, 'files') },
    read: ({ msg, address }) => (msg === 'ready' ? { address: String(address).replace('localhost', '127.0.0.1') } : undefined),
  });
  return { ...app, ...(await signIn(app.address)) };
}

/** Signs in as a user of the demo. */
export async function signIn(address: string): Promise<{ token: string; orgId: string; accountId: string }> {
  const response = await fetch(`${address}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'ada@acme.test', password: 'mainstay-demo' }) });
  const { accessToken: token, orgId, account } = (await response.json()) as { accessToken: string; orgId: string; account: { accountId: string } };
  return { token, orgId, accountId: account.accountId };
}
