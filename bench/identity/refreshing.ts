import { Agent, request } from 'undici';
import { percentile } from '../percentile.ts';
import type { LoadResult } from '../rest/wrk.ts';

export type Refreshed = LoadResult;

/** Keeps sessions refreshed, as many at once as there are connections, each with the token that it got last; latencies in milliseconds. */
export async function refreshing(address: string, connections: number, seconds: number): Promise<Refreshed> {
  const dispatcher = new Agent({ connections });
  const post = async (path: string, body: object) => {
    const answer = await request(address + path, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return { status: answer.statusCode, content: await answer.body.json() as { refreshToken: string } };
  };
  const people = ['ada@acme.test', 'ben@acme.test', 'olga@acme.test', 'eve@umbrella.test'];
  const first: string[] = [];
  for (let at = 0; at < connections; at++) first.push((await post('/v1/sessions', { email: people[at % people.length], password: 'mainstay-demo' })).content.refreshToken);
  const times: number[] = [];
  let errors = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  await Promise.all(first.map(async (token) => {
    for (let refreshToken = token; performance.now() < end; ) {
      const sent = performance.now();
      const { status, content } = await post('/v1/sessions:refresh', { refreshToken });
      if (status !== 200) {
        errors++;
        return;
      }
      refreshToken = content.refreshToken;
      times.push(performance.now() - sent);
    }
  }));
  const took = (performance.now() - began) / 1000;
  await dispatcher.close();
  return { perSecond: times.length / took, p50: percentile(times, 0.5), p99: percentile(times, 0.99), errors, requests: times.length };
}
