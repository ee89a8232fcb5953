import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

/** HTTP alone: `undici` asks `node:http`, which gives back the body. */
export async function serve(): Promise<string> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      const body = Buffer.concat(parts);
      response.writeHead(200, { 'content-type': 'application/proto', 'content-length': body.length }).end(body);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return String((server.address() as AddressInfo).port);
}

export async function connect(address: string) {
  const pool = new Pool(`http://127.0.0.1:${address}`, { connections: 64 });
  return async (text: string) => {
    const { body } = await pool.request({ method: 'POST', path: '/', headers: { 'content-type': 'application/proto' }, body: text });
    return body.text();
  };
}
