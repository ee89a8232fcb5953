import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A webhook as it came to a test's receiver. */
export interface TakenWebhook {
  path: string;
  id: string;
  headers: IncomingHttpHeaders;
  body: string;
  event: { type: string; subject: string; orgid?: string; data: Record<string, unknown> };
}

type Answer = (taken: TakenWebhook, response: ServerResponse, request: IncomingMessage) => void;

/** A real HTTP server that keeps what it is sent, and answers 204 unless told otherwise. */
export async function startReceiver(answer: Answer = (_, response) => void response.writeHead(204).end()) {
  const taken: TakenWebhook[] = [];
  const receiver = { answer };
  const server = createServer((request, response) => void text(request).then((body) => {
    const one: TakenWebhook = { path: request.url!, id: String(request.headers['webhook-id']), headers: request.headers, body, event: JSON.parse(body) as TakenWebhook['event'] };
    taken.push(one);
    receiver.answer(one, response, request);
  }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    taken,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set answer(next: Answer) {
      receiver.answer = next;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Whether a webhook is signed with a secret as the Standard Webhooks specification says, written down here by itself. */
export function isSigned(secret: string, headers: IncomingHttpHeaders, body: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const wanted = createHmac('sha256', key).update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${wanted}`);
}
