import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { EchoService } from '../../kernel/testing/contract/gen/mainstay/testing/v1/echo_pb.js';

/** The library's own client and server of the Connect protocol. */
export async function serve(): Promise<string> {
  const server = createServer(connectNodeAdapter({ routes: (router) => void router.service(EchoService, { createEcho: ({ text }) => ({ text }) }) }));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return String((server.address() as AddressInfo).port);
}

export async function connect(address: string) {
  const client = createClient(EchoService, createConnectTransport({ baseUrl: `http://127.0.0.1:${address}`, httpVersion: '1.1' }));
  return async (text: string) => (await client.createEcho({ text }, { timeoutMs: 5000 })).text;
}
