import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { createClient } from '@connectrpc/connect';
import { PeersService } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import { modules } from '@mainstay/main/modules';
import { startDeployment, type TestDeployment } from './start-deployment.ts';

let deployment: TestDeployment;
before(async () => {
  deployment = await startDeployment({ placement: 'per-module' });
});
after(() => deployment.stop());

/** A unary call at the address that is for the processes of the deployment. */
function ask(process: string, path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, deployment.peers[process]), { method: 'POST', headers: { 'content-type': 'application/json', 'connect-protocol-version': '1', ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve({ status: response.statusCode!, text }));
    });
    sent.on('error', reject).end('{}');
  });
}

const everyMethod = modules.flatMap((module) => (module.services ?? []).flatMap(({ service }) => service.methods.filter(({ methodKind }) => methodKind === 'unary').map((method) => ({ process: module.name as string, path: `/${service.typeName}/${method.name}` }))));

test('nobody calls a process of the deployment at its own address, with whatever token', async () => {
  const root = `Bearer ${await deployment.token('root@mainstay.test')}`;
  for (const headers of [{}, { authorization: root }, { authorization: root, 'mainstay-caller': root.slice(7) }, { 'mainstay-caller': 'x.y' }] as Record<string, string>[]) {
    for (const { process, path } of everyMethod) {
      const { status, text } = await ask(process, path, headers);
      assert.equal(status, 401, `${path} with ${Object.keys(headers).join()}: ${text}`);
    }
  }
});

test('what processes say of their callers is not heard from outside', async () => {
  const stolen = { 'mainstay-caller': 'x.y', 'mainstay-client': '192.0.2.1' };
  const plain = await deployment.fetch('/v1/promises', { as: 'ada@acme.test' });
  const same = await deployment.fetch('/v1/promises', { as: 'ada@acme.test', headers: stolen });
  assert.deepEqual([same.status, await same.json()], [200, await plain.json()]);
  assert.equal((await deployment.fetch('/v1/promises', { headers: stolen })).status, 401);
});

test('what processes ask of each other is not served to anybody else', async () => {
  const client = createClient(PeersService, createGrpcTransport({ baseUrl: deployment.address }));
  await assert.rejects(client.getState({}), /unimplemented|not_found/i);
});
