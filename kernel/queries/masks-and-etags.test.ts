import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { FieldMaskSchema, timestampNow } from '@bufbuild/protobuf/wkt';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { problemOf } from '../http/problem.ts';
import { ListedSchema } from '../testing/contract/gen/mainstay/testing/v1/listed_pb.js';
import { etagOf, requireMatch } from './etag.ts';
import { readMask } from './read-mask.ts';
import { updatePaths } from './update-paths.ts';

const mask = (...paths: string[]) => create(FieldMaskSchema, { paths });
const listed = create(ListedSchema, { id: '1', name: 'a', endTime: timestampNow(), maker: { name: 'Ann' } });
const updatable = ['name', 'count', 'end_time', 'maker'] as const;

test('an update changes what its mask names, all for *, and without a mask what is set', () => {
  assert.deepEqual([...updatePaths(ListedSchema, listed, mask('count', 'maker.name'), updatable)], ['count', 'maker']);
  assert.deepEqual([...updatePaths(ListedSchema, listed, mask('*'), updatable)], updatable);
  assert.deepEqual([...updatePaths(ListedSchema, listed, undefined, updatable)], ['name', 'end_time', 'maker']);
});

test('an update mask that names what can not be changed is refused with what can', () => {
  assert.throws(() => updatePaths(ListedSchema, listed, mask('name', 'id', 'x'), updatable), (error) => {
    assert.equal(reasonOf(error), 'kernel.INVALID_MASK');
    return violationsOf(error).length === 2 && /update_mask may name name, count, end_time, maker$/.test(violationsOf(error)[0]!.description);
  });
  for (const path of ['name.x', 'maker.nobody', 'maker.name.x', 'maker.', 'Name', 'end_time.day', '', '.']) assert.throws(() => updatePaths(ListedSchema, listed, mask(path), updatable), (error) => reasonOf(error) === 'kernel.INVALID_MASK', path);
});

test('a read mask leaves what it names, in messages too', () => {
  const keys = (...paths: string[]) => Object.keys(readMask<object>(ListedSchema, mask(...paths))(listed)).filter((key) => !key.startsWith('$'));
  assert.deepEqual(keys('id', 'end_time', 'length'), ['id', 'endTime']);
  assert.equal((readMask<typeof listed>(ListedSchema, mask('maker.name', 'maker'))(listed)).maker?.name, 'Ann');
  assert.deepEqual(keys('*'), keys());
  assert.throws(() => keys('name', 'maker.nobody'), (error) => reasonOf(error) === 'kernel.INVALID_MASK' && violationsOf(error)[0]!.field === 'read_mask');
});

const call = (ifMatch?: string) => ({ principal: { kind: 'anonymous' as const }, traceId: '', ...(ifMatch !== undefined && { ifMatch }) });

test('a change goes through with the etag of its version, with * and without one', () => {
  for (const [ifMatch, etag] of [[undefined, ''], ['"3"', ''], [undefined, '"3"'], [etagOf(3, ['a']), etagOf(3)], ['*', '"3"'], ['"2", "3"', '']] as const) runInCall(call(ifMatch), () => requireMatch(3, etag));
});

test('a change of another version is refused with 412', () => {
  for (const [ifMatch, etag] of [['"2"', ''], [undefined, '"4"'], ['"3"', '"2"'], ['W/"3"', ''], ['3', ''], ['', ''], ['"33"', '']] as const) {
    assert.throws(() => runInCall(call(ifMatch), () => requireMatch(3, etag)), (error) => problemOf(error).status === 412 && reasonOf(error) === 'kernel.CHANGED_MEANWHILE', `${ifMatch} ${etag}`);
  }
});

test('an etag tells apart what is shown beside the same version', () => {
  assert.notEqual(etagOf(3, ['Ann']), etagOf(3, ['Ben']));
  assert.equal(etagOf(3), '"3"');
});
