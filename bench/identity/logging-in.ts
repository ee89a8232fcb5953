import { Agent, request } from 'undici';
import { hashPassword, verifyPassword } from '../../modules/sys-accounts/server/passwords.ts';

/** What people do at once: as many as hashes run at once. */
const AT_ONCE = 2;
const effort = { passwordMemoryMib: 64 };

/** How many passwords are verified a second where nothing else is done, in this process, with the effort that the deployment has. */
export async function hashesAlone(seconds: number): Promise<number> {
  const hash = await hashPassword(effort, 'mainstay-demo');
  return perSecond(seconds, async () => void (await verifyPassword(effort, hash, 'mainstay-demo')));
}

/** How many logins are answered a second. Throws if one fails. */
export async function logins(address: string, seconds: number): Promise<number> {
  const dispatcher = new Agent({ connections: AT_ONCE });
  const people = ['ada@acme.test', 'ben@acme.test', 'eve@umbrella.test'];
  let next = 0;
  const rate = await perSecond(seconds, async () => {
    const { statusCode, body } = await request(`${address}/v1/sessions`, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: people[next++ % people.length], password: 'mainstay-demo' }) });
    await body.text();
    if (statusCode !== 200) throw new Error(`a login was answered with ${statusCode}`);
  });
  await dispatcher.close();
  return rate;
}

async function perSecond(seconds: number, work: () => Promise<void>): Promise<number> {
  await work();
  let done = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (; performance.now() < began + seconds * 1000; done++) await work();
  }));
  return (done / (performance.now() - began)) * 1000;
}
