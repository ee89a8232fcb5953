import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactBase64url } from './exact-base64url.ts';

const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n';

test('bytes come back from their text, and from no other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(), fc.constantFrom(...characters), (bytes, place, character) => {
      const text = Buffer.from(bytes).toString('base64url');
      assert.deepEqual(exactBase64url(text), Buffer.from(bytes));
      const at = place % (text.length + 1);
      for (const other of [text.slice(0, at) + character + text.slice(at + 1), text.slice(0, at) + character + text.slice(at)]) {
        const read = other === text ? undefined : exactBase64url(other);
        assert.notDeepEqual(read, Buffer.from(bytes), other);
      }
    }),
  );
});
