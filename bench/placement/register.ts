import { randomBytes } from 'node:crypto';

/** Registers so many people, who each have an org of their own, and gives an access token of each. */
export async function register(address: string, people: number): Promise<string[]> {
  const password = randomBytes(16).toString('hex');
  return Promise.all(Array.from({ length: people }, async (_, person) => {
    const email = `person${person}@bench.test`;
    await post(`${address}/v1/accounts`, { email, password, displayName: `Person ${person}` });
    const { accessToken } = await post(`${address}/v1/sessions`, { email, password });
    return accessToken as string;
  }));
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
