import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from './index.ts';

const ada = 'ada@acme.test';

async function uploaded(deployment: TestDeployment): Promise<string> {
  const response = await deployment.fetch('/v1/files?name=letters.txt', { as: ada, method: 'POST', body: 'abcdefghij', headers: { 'content-type': 'text/plain' } });
  const { id } = (await response.json()) as { id: string };
  return `/v1/files/${id}/content`;
}

everyTopology('a part of a file, and a file that has not changed, are answered as such', async (deployment) => {
  const path = await uploaded(deployment);
  const whole = await deployment.fetch(path, { as: ada });
  assert.deepEqual([whole.status, whole.headers.get('content-length'), whole.headers.get('mainstay-content-length'), await whole.text()], [200, '10', null, 'abcdefghij']);

  const part = await deployment.fetch(path, { as: ada, headers: { range: 'bytes=2-4' } });
  assert.deepEqual([part.status, part.headers.get('content-range'), part.headers.get('content-length'), await part.text()], [206, 'bytes 2-4/10', '3', 'cde']);

  const known = await deployment.fetch(path, { as: ada, headers: { 'if-none-match': whole.headers.get('etag')! } });
  assert.deepEqual([known.status, await known.text()], [304, '']);
});

everyTopology('Connect shows the details of an error in readable form', async (deployment) => {
  const response = await deployment.fetch('/mod.promist.v1.PromisesService/GetPromise', { as: ada, method: 'POST', body: { promiseId: '' } });
  const { details } = (await response.json()) as { details: { type: string; debug?: Record<string, unknown> }[] };
  assert.deepEqual(details.map(({ type }) => type), ['google.rpc.ErrorInfo', 'google.rpc.BadRequest']);
  assert.equal(details[0]!.debug?.reason, 'INVALID_REQUEST');
  assert.deepEqual((details[1]!.debug?.fieldViolations as { field: string }[]).map(({ field }) => field), ['promise_id']);

  const made = await deployment.fetch('/v1/promises', { as: ada, method: 'POST', body: { title: 'Passed on' } });
  const { id: promiseId } = (await made.json()) as { id: string };
  const stale = await deployment.fetch('/mod.promist.v1.PromisesService/FulfillPromise', { as: ada, method: 'POST', body: { promiseId, etag: '"0"' } });
  const { details: why } = (await stale.json()) as { details: { type: string; debug?: object }[] };
  assert.deepEqual(why.map(({ type, debug }) => [type, typeof debug]), [['google.rpc.ErrorInfo', 'object'], ['google.rpc.PreconditionFailure', 'object']]);
});
