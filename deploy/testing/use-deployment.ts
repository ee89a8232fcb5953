import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { demoPassword } from '../controller/demo-logins.ts';
import { type Drill, script } from './drill-deployment.ts';

/** Signs ada in and gives ways to call as her. */
export async function callsAsAda(port: number) {
  let authorization = '';
  // While a command runs, nobody here sees that a process was killed: what it kept open would be used again.
  const send = async (path: string, { method = 'POST', body, headers = {} }: { method?: string; body?: string | Buffer; headers?: Record<string, string> }) => {
    const response = await fetch(`http://localhost:${port}${path}`, { method, headers: { connection: 'close', ...headers, ...(authorization && { authorization }) }, ...(body !== undefined && { body: body as never }) });
    const answer = (await response.json()) as Record<string, string>;
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  };
  const post = (path: string, body: object) => send(path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  const { accessToken } = await post('/v1/sessions', { email: 'ada@acme.test', password: demoPassword });
  authorization = `Bearer ${accessToken}`;
  const fetchFile = async (id: string) => Buffer.from(await (await fetch(`http://localhost:${port}/v1/files/${id}/content`, { headers: { authorization } })).arrayBuffer());
  return { post, send, fetchFile };
}

/** Promises and files are made all the time until it is stopped, and half of the files removed; gives the promises and the files that were acknowledged and kept, with their SHA-256. */
export function makeLoad({ post, send }: Pick<Awaited<ReturnType<typeof callsAsAda>>, 'post' | 'send'>) {
  const made: string[] = [];
  const kept: { id: string; sha256: string }[] = [];
  let stopped = false;
  const promises = Array.from({ length: 3 }, async () => {
    while (!stopped) made.push((await post('/v1/promises', { title: 'made while it was backed up' })).id!);
  });
  const files = (async () => {
    for (let count = 0; !stopped; count++) {
      const body = randomBytes(20_000);
      const { id } = await send('/v1/files?name=made.bin', { method: 'POST', body });
      if (count % 2 === 0) await send(`/v1/files/${id}`, { method: 'DELETE' });
      else kept.push({ id: id!, sha256: hash('sha256', body) });
    }
  })();
  return { made, kept, stop: async () => { stopped = true; await Promise.all([...promises, files]); } };
}

/** Runs a command beside this process. */
export async function runBeside(drill: Drill, ...args: string[]) {
  const child = spawn(script, args, { env: drill.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { output += text; });
  const [status] = await once(child, 'exit');
  return { status, output };
}
