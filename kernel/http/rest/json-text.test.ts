import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJsonString } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { parseJson } from './json-text.ts';

/** Texts of JSON with odd spaces, escapes and, now and then, a key twice. */
const { json } = fc.letrec<{ json: string }>((tie) => {
  const space = fc.constantFrom('', '', ' ', '\n\t');
  const string = fc.oneof(fc.constantFrom('"a"', '"b"', '"\\u0061"', '"\\""', '"a\\\\"', '"{\\"a\\":1}"', '":"', '"__proto__"'), fc.string({ unit: 'binary', maxLength: 5 }).filter((text) => text.isWellFormed() && !text.includes('\0')).map((text) => JSON.stringify(text)));
  const member = fc.tuple(space, string, space, tie('json'), space).map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`);
  return {
    json: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom('1', 'null', '-0.5e3', 'true'), string,
      fc.array(member, { maxLength: 4 }).map((members) => `{${members.join(',')}}`), fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`)),
  };
});

test('what is parsed is what JSON.parse gives, and a key that stands twice is refused by its name', () => {
  fc.assert(fc.property(json, (text) => {
    const repeated = repeatedKey(text);
    if (repeated === undefined) assert.deepStrictEqual(parseJson(Buffer.from(text)), JSON.parse(text));
    else assert.throws(() => parseJson(Buffer.from(text)), (error: Error) => error.message.includes(`the key "${repeated}" appears twice`));
  }), { numRuns: 3000 });
});

function repeatedKey(text: string): string | undefined {
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true });
  } catch (error) {
    return /duplicate object key "(.*)"$/s.exec((error as Error).message)?.[1];
  }
  return undefined;
}

test('bytes that are no UTF-8 are refused, the replacement character itself is not, nor a byte-order mark', () => {
  assert.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22)), /not UTF-8/);
  assert.throws(() => parseJson(Buffer.from('"\xed\xa0\x80"', 'latin1')), /not UTF-8/);
  assert.equal(parseJson(Buffer.from('"\ufffd"')), '\ufffd');
  assert.deepEqual(parseJson(Buffer.from('\ufeff{}')), {});
  assert.throws(() => parseJson(Buffer.from('"\\u0000"')), /U\+0000/);
});
