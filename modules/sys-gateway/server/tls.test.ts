import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { anyFreePort } from '@mainstay/deploy/free-port';
import { DeploymentService } from '@mainstay/sys-core/contract';
import { startDeployment, type TestDeployment, until } from '@mainstay/testing';
import { generate } from 'selfsigned';
import { WebSocket } from 'ws';

const users = 'mod-main.example.test';
const folder = mkdtempSync(join(tmpdir(), 'mainstay-tls-'));
const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };

let deployment: TestDeployment;
let port: number;
let ca: string;

before(async () => {
  ca = await newCertificate();
  port = await anyFreePort('localhost');
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'sys-gateway': { domains: ['example.test'], tls: { ...files, port, redirect: true } } } });
});
after(async () => {
  await deployment.stop();
  rmSync(folder, { recursive: true });
});

/** Puts a new wildcard certificate where the gateway reads it, as those who manage them do: complete, and by a new name. */
async function newCertificate(): Promise<string> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: '*.example.test' }], { algorithm: 'sha256', extensions: [{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: 2, value: '*.example.test' }, { type: 2, value: 'localhost' }] }] });
  for (const [file, text] of [[files.key, key], [files.certificate, cert]] as const) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
  return cert;
}

/** The connection of a client that trusts the certificate. */
async function shakeHands(protocols: string[], more: object = {}): Promise<TLSSocket> {
  const socket = tlsConnect({ port, host: 'localhost', servername: users, ca, ALPNProtocols: protocols, ...more });
  await once(socket, 'secureConnect');
  return socket;
}

test('HTTP/2 and HTTP/1.1 are agreed by ALPN, and nothing older than TLS 1.2 is spoken', async () => {
  for (const [offered, agreed] of [[['h2', 'http/1.1'], 'h2'], [['http/1.1'], 'http/1.1'], [[], false]] as const) {
    const socket = await shakeHands([...offered]);
    assert.equal(socket.alpnProtocol, agreed);
    assert.match(socket.getProtocol()!, /TLSv1\.[23]/);
    socket.destroy();
  }
  await assert.rejects(shakeHands(['h2'], { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
});

test('REST, gRPC, Connect and WebSocket are served by TLS, with HSTS', async () => {
  const request = httpsRequest({ port, host: 'localhost', servername: users, ca, path: '/v1/deployment', headers: { host: users } }).end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  assert.deepEqual([response.resume().statusCode, response.headers['strict-transport-security']], [200, 'max-age=31536000; includeSubDomains']);
  const baseUrl = `https://localhost:${port}`;
  for (const transport of [createGrpcTransport({ baseUrl, nodeOptions: { ca } }), createConnectTransport({ baseUrl, httpVersion: '2', nodeOptions: { ca } }), createConnectTransport({ baseUrl, httpVersion: '1.1', nodeOptions: { ca } })]) {
    assert.equal((await createClient(DeploymentService, transport).getDeployment({})).name, 'test');
  }
  const socket = new WebSocket(`wss://localhost:${port}/v1/socket`, { ca });
  await once(socket, 'open');
  socket.send(JSON.stringify({ id: 1, call: 'sys.core.v1.DeploymentService/GetDeployment', message: {} }));
  const [frame] = (await once(socket, 'message')) as [Buffer];
  assert.equal((JSON.parse(String(frame)) as { message: { name: string } }).message.name, 'test');
  socket.terminate();
});

test('what comes to the plain port is sent to the one with TLS, but not localhost', async () => {
  const plain = async (host: string) => {
    const request = httpRequest({ port: new URL(deployment.address).port, path: '/healthz?x=1', headers: { host } }).end();
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    return [response.resume().statusCode, response.headers.location, response.headers['strict-transport-security']];
  };
  assert.deepEqual(await plain(users), [308, `https://${users}:${port}/healthz?x=1`, undefined]);
  assert.deepEqual(await plain('localhost'), [200, undefined, undefined]);
  assert.equal((await plain('evil.test'))[0], 421);
});

test('what does not speak TLS is cut, and the port goes on', async () => {
  const request = httpRequest({ port, path: '/' }).end();
  await assert.rejects(once(request, 'response'));
  (await shakeHands(['h2'])).destroy();
});

test('a new certificate counts within moments, without a restart; one that can not be read leaves the one before', async () => {
  const served = async () => {
    const socket = await shakeHands(['http/1.1'], { rejectUnauthorized: false });
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const first = await served();
  const serves = (is: (print: string) => boolean) => until(async () => is(await served()), 'another certificate is served');
  ca = await newCertificate();
  await serves((print) => print !== first);
  const second = await served();
  writeFileSync(files.certificate, 'not a certificate');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(await served(), second);
  ca = await newCertificate();
  await serves((print) => print !== second);
});

test('a certificate that is not there keeps the process from starting, by name', async () => {
  const missing = join(folder, 'missing.pem');
  await assert.rejects(startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'sys-gateway': { tls: { ...files, certificate: missing, port: 0 } } } }), /missing\.pem/);
});
