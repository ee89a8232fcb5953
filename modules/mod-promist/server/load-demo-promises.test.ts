import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, PromisesService } from '../contract/index.ts';

everyTopology('the demo has promises, made to and shared with each other, and a restart makes no more', async (deployment) => {
  const counted = async (as: string, view: View) => (await (await deployment.client(PromisesService, as)).listPromises({ view, shelf: Shelf.BOTH })).promises.length;
  const all = async () => Promise.all([counted('ada@acme.test', View.MADE), counted('ada@acme.test', View.TO_ME), counted('ben@acme.test', View.MADE), counted('ben@acme.test', View.SHARED), counted('eve@umbrella.test', View.MADE), counted('olga@acme.test', View.ALL)]);
  const before = await all();
  assert.deepEqual(before, [7, 1, 3, 1, 2, 0]);
  await deployment.restart();
  assert.deepEqual(await all(), before);
}, { alone: 'first data' });
