// @grpc/grpc-js at both ends, with a deadline a call.
import { join } from 'node:path';
import { credentials, loadPackageDefinition, Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const root = join(import.meta.dirname, '../..');
const definition = loadSync('mainstay/testing/v1/echo.proto', { includeDirs: ['kernel/testing/contract', 'kernel/contract', 'gen/proto'].map((folder) => join(root, folder)) });
const { EchoService } = loadPackageDefinition(definition).mainstay.testing.v1;

export function serve() {
  const server = new Server();
  server.addService(EchoService.service, { createEcho: ({ request: { text } }, answer) => answer(null, { text }) });
  return new Promise((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(String(port)))));
}

export async function connect(address) {
  const client = new EchoService(`127.0.0.1:${address}`, credentials.createInsecure());
  return (text) => new Promise((resolve, reject) => client.createEcho({ text }, new Metadata(), { deadline: Date.now() + 5000 }, (error, answer) => (error ? reject(error) : resolve(answer.text))));
}
