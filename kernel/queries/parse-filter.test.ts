import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import type { Filter } from './filter.ts';
import { parseFilter } from './parse-filter.ts';
import { printFilter } from './testing/print-filter.ts';

const read = (text: string) => parseFilter(text) && printFilter(parseFilter(text)!);

const texts: [text: string, meaning: string][] = [
  ['title = "a b"', 'title = "a b"'],
  ['a=1 AND b=2 OR c=3', 'a = "1" AND b = "2" OR c = "3"'],
  ['(a=1 AND b=2) OR c=3', '(a = "1" AND b = "2") OR c = "3"'],
  ['a=1 b=2', 'a = "1" AND b = "2"'],
  ['a=1 b=2 AND c=3', 'a = "1" AND b = "2" AND c = "3"'],
  ['NOT a=1 -b=2', 'NOT a = "1" AND NOT b = "2"'],
  ['NOT (a=1 OR b=2)', 'NOT (a = "1" OR b = "2")'],
  ['tags:(home OR -"at work")', 'tags : "home" OR NOT tags : "at work"'],
  ['promisee.name : *', 'promisee.name : "*"'],
  ['title = "*.txt"', 'title = "*.txt"'],
  [String.raw`title = "5\*4 \"x\" \\"`, String.raw`title = "5\*4 \"x\" \\"`],
  ["title = 'it\"s'", String.raw`title = "it\"s"`],
  ['due_time<2026-04-21T11:30:00.5-04:00', 'due_time < "2026-04-21T11:30:00.5-04:00"'],
  ['milk "and honey"', '"milk" AND "and honey"'],
  ['n >= -30 m<=1.5e3', 'n >= "-30" AND m <= "1.5e3"'],
  ['a != b', 'a != "b"'],
];

for (const [text, meaning] of texts) test(`${text} means ${meaning}`, () => assert.equal(read(text), meaning));

test('a blank filter is none', () => assert.equal(parseFilter(' \n '), undefined));

const refusals: [text: string, column: number][] = [
  ['a =', 4], ['= 3', 1], ['(a=1', 1], ['a=1)', 4], ['a="x', 3], ['AND a=1', 1], ['a=1 OR', 7], ['a=1 AND OR b=1', 9], ['f(x)', 2], ['"a"=1', 1], ['a..b=1', 1], ['1a=1', 1], ['a=1,b=1', 4], ['a:()', 4], ['NOT', 4], ['-', 2],
  [`${'('.repeat(30)}a=1${')'.repeat(30)}`, 22], [Array(101).fill('a=1').join(' '), 401], [`a="${'x'.repeat(2000)}"`, 2001],
];

for (const [text, column] of refusals) {
  test(`${text.slice(0, 30)} is refused at column ${column}`, () => {
    assert.throws(() => parseFilter(text), (error: unknown) => {
      assert.equal(reasonOf(error), 'kernel.INVALID_FILTER');
      const [violation] = violationsOf(error);
      assert.match(violation!.description, new RegExp(`, at column ${column}$`));
      return violation!.field === 'filter';
    });
  });
}

test('no text makes it fail otherwise than with a clear error', () => {
  const pieces = fc.constantFrom('(', ')', '"', "'", '\\', '*', '.', ':', '=', '!=', '<=', '-', ' ', 'AND', 'OR', 'NOT', 'title', 'tags', '2026-01-01T00:00:00Z', '\0', '\ud800', '12', ',');
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(''))), (text) => {
    try {
      parseFilter(text);
    } catch (error) {
      assert.equal(reasonOf(error), 'kernel.INVALID_FILTER', String(error));
    }
  }), { numRuns: 3000 });
});

const literal = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 3 });
const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,6}$/);
const compare = fc.record({ kind: fc.constant('compare' as const), path: fc.array(name, { minLength: 1, maxLength: 3 }), comparator: fc.constantFrom('=', '!=', '<', '<=', '>', '>=', ':'), value: literal, at: fc.constant(0) });
const leaf = fc.oneof(compare, fc.record({ kind: fc.constant('search' as const), value: literal, at: fc.constant(0) }));
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof({ maxDepth: 3, depthSize: 'small' }, leaf, tie('filter').map((part): Filter => ({ kind: 'not', part })), fc.tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('filter'), { minLength: 2, maxLength: 3 })).map(([kind, parts]): Filter => ({ kind, parts: parts.flatMap((part) => (part.kind === kind ? part.parts : [part])) }))),
}));

test('a printed filter is read as the same filter', () => {
  fc.assert(fc.property(filter, (made) => {
    const text = printFilter(made);
    fc.pre(text.length <= 2000);
    assert.deepEqual(withoutPlaces(parseFilter(text)!), withoutPlaces(made));
  }), { numRuns: 1000 });
});

const withoutPlaces = (made: Filter): unknown => JSON.parse(JSON.stringify(made, (key, value: unknown) => (key === 'at' ? undefined : value)));
