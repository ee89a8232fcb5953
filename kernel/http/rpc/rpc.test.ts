import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { credentials, loadPackageDefinition, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { reasonOf, violationsOf } from '../../errors/define-errors.ts';
import { peerKey } from '../../guard/call.ts';
import { EchoService, Failure } from '../../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import type { EchoWatch } from '../../testing/echo.ts';
import { startTestServer } from '../../testing/test-server.ts';
import { until } from '../../testing/until.ts';
import type { HttpServer } from '../start-http-server.ts';

const root = join(import.meta.dirname, '../../..');
const watch: EchoWatch = { running: 0, produced: 0 };
let server: HttpServer;
let clients: Record<'echo' | 'health' | 'reflection' | 'reflectionAlpha', any>;

before(async () => {
  server = await startTestServer({ bodyLimitBytes: 64 * 1024 }, watch);
  const files = ['mainstay/testing/v1/echo.proto', 'grpc/health/v1/health.proto', 'grpc/reflection/v1/reflection.proto', 'grpc/reflection/v1alpha/reflection.proto'];
  const definition = loadSync(files, { includeDirs: ['kernel/testing/contract', 'kernel/contract', 'gen/proto'].map((folder) => join(root, folder)), keepCase: true, longs: String, enums: String, oneofs: true });
  const { mainstay, grpc } = loadPackageDefinition(definition) as any;
  const make = (Client: new (...args: unknown[]) => unknown) => new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  clients = { echo: make(mainstay.testing.v1.EchoService), health: make(grpc.health.v1.Health), reflection: make(grpc.reflection.v1.ServerReflection), reflectionAlpha: make(grpc.reflection.v1alpha.ServerReflection) };
});
after(async () => {
  for (const client of Object.values(clients)) client.close();
  await server.close();
});

const unary = (client: any, method: string, request: object, metadata = new Metadata()) =>
  new Promise<any>((resolve, reject) => client[method](request, metadata, { deadline: Date.now() + 10_000 }, (error: ServiceError | null, answer: unknown) => (error ? reject(error) : resolve(answer))));

async function collect(stream: AsyncIterable<any>): Promise<any[]> {
  const all: any[] = [];
  for await (const message of stream) all.push(message);
  return all;
}

test('an independent gRPC client calls unary methods, with metadata', async () => {
  const metadata = new Metadata();
  metadata.set('echo-header', 'kept');
  assert.equal((await unary(clients.echo, 'getEcho', { text: 'hi', numbers: [1, 2] }, metadata)).text, 'hi');
  assert.equal(watch.context?.requestHeader.get('echo-header'), 'kept');
  assert.match(watch.context?.values.get(peerKey)?.address ?? '', /127\.0\.0\.1|::1/);
});

test('an independent gRPC client streams in every direction', async () => {
  assert.deepEqual((await collect(clients.echo.count({ to: 3 }))).map(({ number }) => number), [1, 2, 3]);
  const sum = await new Promise<any>((resolve, reject) => {
    const call = clients.echo.sum((error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)));
    for (const number of [1, 2, 3]) call.write({ number });
    call.end();
  });
  assert.equal(sum.sum, '6');
  const talk = clients.echo.converse();
  talk.write({ text: 'a' });
  talk.write({ text: 'b' });
  talk.end();
  assert.deepEqual((await collect(talk)).map(({ text }) => text), ['a', 'b']);
});

test('an error has its code and text on gRPC', async () => {
  await assert.rejects(unary(clients.echo, 'echo', { text: 'ä, 100%', failure: 'FAILURE_KNOWN' }), { code: status.FAILED_PRECONDITION, details: 'no echo of ä, 100%: ask for another' });
  await assert.rejects(unary(clients.echo, 'echo', { text: 'x', failure: 'FAILURE_FAULT' }), (error: ServiceError) => error.code === status.INTERNAL && !error.details.includes('secret'));
  await assert.rejects(unary(clients.echo, 'createEcho', { text: '' }), { code: status.INVALID_ARGUMENT });
});

test('a message over the limit is refused on gRPC', async () => {
  await assert.rejects(unary(clients.echo, 'echo', { text: 'x', specimen: { string_value: 'y'.repeat(70 * 1024) } }), { code: status.RESOURCE_EXHAUSTED });
});

test('health is told for each service and for the whole, and watched', async () => {
  const service = EchoService.typeName;
  const statusOf = async (name: string) => (await unary(clients.health, 'check', { service: name })).status;
  assert.deepEqual([await statusOf(''), await statusOf(service)], ['SERVING', 'SERVING']);
  await assert.rejects(statusOf('none'), { code: status.NOT_FOUND });
  const seen: string[] = [];
  const stream = clients.health.watch({ service }).on('error', () => {});
  stream.on('data', ({ status }: { status: string }) => seen.push(status));
  await until(() => seen.length === 1);
  server.setServing(service, false);
  await until(() => seen.length === 2);
  assert.equal(await statusOf(service), 'NOT_SERVING');
  server.setServing(service, true);
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ['SERVING', 'NOT_SERVING', 'SERVING']);
  stream.cancel();
});

for (const version of ['reflection', 'reflectionAlpha'] as const) {
  test(`${version} lists the services and describes them with all they import`, async () => {
    const ask = async (question: object) => {
      const call = clients[version].serverReflectionInfo();
      call.write(question);
      call.end();
      return (await collect(call))[0];
    };
    const names = (await ask({ list_services: '' })).list_services_response.service.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ['mainstay.testing.v1.LibraryService', 'mainstay.testing.v1.EchoService', 'mainstay.testing.v1.WebService', 'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']);
    for (const symbol of ['mainstay.testing.v1.EchoService', 'mainstay.testing.v1.EchoService.Echo', 'mainstay.testing.v1.Specimen.Part.name']) {
      const files: Buffer[] = (await ask({ file_containing_symbol: symbol })).file_descriptor_response.file_descriptor_proto;
      assert.ok(files[0]!.includes('mainstay/testing/v1/echo.proto') && files.some((file) => file.subarray(2).toString('latin1').startsWith('google/protobuf/any.proto')), symbol);
    }
    assert.ok((await ask({ file_by_filename: 'google/api/http.proto' })).file_descriptor_response);
    assert.ok((await ask({ all_extension_numbers_of_type: 'google.protobuf.MethodOptions' })).all_extension_numbers_response.extension_number.includes(50401));
    assert.ok((await ask({ file_containing_extension: { containing_type: 'google.protobuf.MethodOptions', extension_number: 50401 } })).file_descriptor_response);
    assert.equal((await ask({ file_containing_symbol: 'no.such.Thing' })).error_response.error_code, status.NOT_FOUND);
  });
}

for (const [name, transport] of [
  ['gRPC', (baseUrl: string) => createGrpcTransport({ baseUrl })],
  ['gRPC-web on HTTP/1.1', (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['gRPC-web on HTTP/2', (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '2' })],
  ['Connect on HTTP/1.1', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect in JSON on HTTP/2', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false })],
] as const) {
  test(`${name} carries calls, streams and the details of errors`, async () => {
    const client = createClient(EchoService, transport(server.address));
    assert.equal((await client.getEcho({ text: 'x' })).text, 'x');
    assert.deepEqual((await collect(client.count({ to: 2 }))).map(({ number }) => number), [1, 2]);
    const error = await client.echo({ text: 'x', failure: Failure.KNOWN }).catch(ConnectError.from);
    assert.deepEqual([reasonOf(error), violationsOf(error).map(({ field }) => field)], ['testing.ECHO_REFUSED', ['text']]);
  });
}

test('Connect in JSON refuses unknown fields and malformed JSON', async () => {
  for (const body of ['{"txt":"x"}', '{', '{"text":"a","text":"b"}']) {
    const response = await fetch(`${server.address}/${EchoService.typeName}/GetEcho`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [400, 'invalid_argument'], body);
  }
});

test('stopping lets a running call finish, ends streams, and is quick', async () => {
  const calls: EchoWatch = { running: 0, produced: 0 };
  const other = await startTestServer({}, calls);
  const client = createClient(EchoService, createGrpcTransport({ baseUrl: other.address }));
  const running = client.echo({ text: 'x', delayMs: 200 });
  const stream = collect(client.count({ to: 1000, delayMs: 20 })).catch(ConnectError.from);
  await until(() => calls.running === 2);
  const start = performance.now();
  await other.close();
  assert.ok(performance.now() - start < 2000);
  assert.equal((await running).text, 'x');
  assert.equal(((await stream) as ConnectError).code, Code.Unavailable);
  await assert.rejects(fetch(`${other.address}/healthz`));
});

test('a message that does not parse is the caller’s fault in every protocol, with a reason', async () => {
  const same = (bytes: Buffer) => bytes;
  const error = await new Promise<ServiceError>((resolve) => clients.echo.makeUnaryRequest('/mainstay.testing.v1.EchoService/GetEcho', same, same, Buffer.from([0x0a, 0xff, 0xff, 0x01]), resolve));
  assert.equal(error.code, status.INVALID_ARGUMENT);
  assert.match(error.details, /^the message is not valid protobuf: /);
  assert.match(String(error.metadata.get('grpc-status-details-bin')[0]), /MALFORMED_MESSAGE/);

  const post = (path: string, type: string, body: string | Uint8Array<ArrayBuffer>) => fetch(`${server.address}/mainstay.testing.v1.EchoService/${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  const connect = await post('GetEcho', 'application/proto', new Uint8Array([0x0a, 0xff]));
  assert.equal(connect.status, 400);
  assert.match(await connect.text(), /"code":"invalid_argument".*not valid protobuf/);
  const json = await post('GetEcho', 'application/json', '{"text":5,"colour":"red"}');
  assert.match(await json.text(), /"code":"invalid_argument".*text: expected a string, got 5; colour: there is no such field/);
  const web = Buffer.from(await (await post('GetEcho', 'application/grpc-web+proto', new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0xff]))).arrayBuffer()).toString();
  assert.match(web, /grpc-status: 3/);
  const stream = await post('Count', 'application/connect+proto', new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0xff]));
  assert.match(await stream.text(), /"code":"invalid_argument"/);
});
