import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContextKey, createContextValues } from '@connectrpc/connect';
import fc from 'fast-check';
import { callKey, peerKey } from '../guard/call.ts';
import { CallValues } from './call-values.ts';

test('the values of a call behave as the library’s, whatever is set and deleted', () => {
  const keys = [callKey, peerKey, createContextKey('one'), createContextKey<string | undefined>(undefined)].map((key) => key as ReturnType<typeof createContextKey<unknown>>);
  const step = fc.record({ key: fc.constantFrom(...keys), value: fc.option(fc.object(), { nil: undefined }), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [values, library] = [new CallValues(undefined), createContextValues()];
      for (const { key, value, remove } of steps) for (const each of [values, library]) remove ? each.delete(key) : each.set(key, value);
      for (const key of keys) assert.equal(values.get(key), library.get(key));
    }),
  );
});

test('a call of the same process finds who vouches and where it came from', () => {
  const [call, peer] = [{ principal: { kind: 'anonymous' as const }, traceId: '' }, { address: '::1' }];
  const values = new CallValues(call, peer);
  assert.equal(values.get(callKey), call);
  assert.equal(values.get(peerKey), peer);
});
