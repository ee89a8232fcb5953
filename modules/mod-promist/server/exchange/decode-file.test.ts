import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFile } from './decode-file.ts';

/** Folds a line as programs do that count bytes and not characters. */
function folded(line: string, width: number, fold: string): Buffer {
  const bytes = Buffer.from(line);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += width) pieces.push(bytes.subarray(at, at + width));
  return Buffer.concat(pieces.flatMap((piece, index) => (index ? [Buffer.from(fold), piece] : [piece])));
}

test('a line that is folded in the middle of its characters is whole again', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'ä', '日', '🥛') }), fc.integer({ min: 4, max: 80 }), fc.constantFrom('\r\n ', '\n ', '\n\t'), (text, width, fold) => {
    assert.equal(decodeFile(folded(text, width, fold)).replaceAll(fold, ''), text);
  }));
});

test('UTF-16 is told by its byte order mark', () => {
  assert.equal(decodeFile(Buffer.from('\ufeffBüro', 'utf16le')), '\ufeffBüro');
  assert.equal(decodeFile(Buffer.from('\ufeffBüro', 'utf16le').swap16()), '\ufeffBüro');
});

test('a file in another encoding is refused with the line and what to do', () => {
  assert.throws(() => decodeFile(Buffer.from('SUMMARY:one\r\nSUMMARY:Büro\r\n', 'latin1')), /not UTF-8 text \(line 2\): save it as UTF-8/);
  assert.throws(() => decodeFile(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff])), /line 1/);
});
