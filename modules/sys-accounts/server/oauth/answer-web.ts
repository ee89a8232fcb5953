import type { RequestListener } from 'node:http';
import { currentCall } from '@mainstay/kernel';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import { inject } from 'light-my-request';

/** Headers that say how a request travelled here; the gateway has read them, and what counts is set anew. */
const ofTheWay = /^(x-forwarded-.*|forwarded|connection|transfer-encoding|content-length|host|expect)$/;
const ofTheAnswer = new Set(['connection', 'date', 'content-length', 'transfer-encoding', 'keep-alive']);

/** Has a listener of Node's answer a request, as if it had come to the deployment's address. */
export async function answerWeb(listener: RequestListener, { method, target, headers, body }: WebRequest, address: string) {
  const { protocol, host } = new URL(address);
  const given: Record<string, string> = {};
  for (const { name, value } of headers) if (!ofTheWay.test(name)) given[name] = name in given ? `${given[name]}, ${value}` : value;
  Object.assign(given, { host, 'x-forwarded-proto': protocol.slice(0, -1), 'x-forwarded-for': currentCall().clientAddress ?? '127.0.0.1' });
  const response = await inject(listener, { method: method as 'GET', url: target, headers: given, ...(body.length > 0 && { payload: Buffer.from(body) }) });
  const answered = Object.entries(response.headers).flatMap(([name, value]) => (value === undefined || ofTheAnswer.has(name) ? [] : [value].flat().map((one) => ({ name, value: String(one) }))));
  return { status: response.statusCode, headers: answered, body: new Uint8Array(response.rawPayload) };
}
