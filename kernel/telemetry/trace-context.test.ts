import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { continueTrace, parseTraceContext, traceparentOf } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length }).filter((id) => !/^0+$/.test(id));

test('a valid traceparent is read, and what is called gets the same trace under another span', () => {
  fc.assert(fc.property(hex(32), hex(16), fc.boolean(), (trace, span, sampled) => {
    const parsed = parseTraceContext(traceparentOf({ traceId: trace, spanId: span, sampled }));
    assert.deepEqual(parsed, { traceId: trace, spanId: span, sampled });
    const next = continueTrace(parsed);
    assert.equal(next.traceId, trace);
    assert.equal(next.sampled, sampled);
    assert.notEqual(next.spanId, span);
    assert.deepEqual(parseTraceContext(traceparentOf(next)), next);
  }));
});

test('a traceparent that is not valid is not read', () => {
  const wrong = [
    '', '00', `ff-${traceId}-${spanId}-01`, `00-${'0'.repeat(32)}-${spanId}-01`, `00-${traceId}-${'0'.repeat(16)}-01`, `00-${traceId}-${spanId}-01-more`, `00-${traceId}-${spanId}-1`,
    `00-${traceId.toUpperCase()}-${spanId}-01`, `0-${traceId}-${spanId}-01`, ` 00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01 `, `00-${traceId.slice(1)}-${spanId}-01`, `00-${traceId}-${spanId}-0g`,
    `cc-${traceId}-${spanId}-01x`, `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ];
  for (const text of wrong) assert.equal(parseTraceContext(text), undefined, text);
});

test('a later version is read as far as this one knows it', () => {
  assert.deepEqual(parseTraceContext(`cc-${traceId}-${spanId}-03-what-comes`), { traceId, spanId, sampled: true });
  assert.deepEqual(parseTraceContext(`01-${traceId}-${spanId}-fe`), { traceId, spanId, sampled: false });
});

test('whatever is sent is read or not, and never fails; what is read is valid', () => {
  const near = fc.tuple(fc.constantFrom('00', '01', 'ff', 'FF', ''), fc.oneof(hex(32), fc.constant('0'.repeat(32)), fc.string({ maxLength: 40 })), fc.oneof(hex(16), fc.string({ maxLength: 20 })), fc.string({ maxLength: 4 })).map((parts) => parts.join('-'));
  fc.assert(fc.property(fc.oneof(near, fc.string()), fc.oneof(fc.string(), fc.constant('a=1,b=2')), (parent, state) => {
    const parsed = parseTraceContext(parent, state);
    if (!parsed) return;
    assert.match(traceparentOf(parsed), /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/);
    assert.match(parsed.state ?? 'a=b', /^[\x20-\x7e]+$/);
  }), { numRuns: 3000 });
});

test('a state is passed along as it came, and dropped if it is not valid', () => {
  const stateOf = (state: string) => parseTraceContext(`00-${traceId}-${spanId}-01`, state)?.state;
  assert.equal(stateOf('congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'), 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7');
  assert.equal(stateOf('congo=1 , ,\trojo=2'), 'congo=1,rojo=2');
  assert.equal(stateOf('fw529a3039@dt=FfFfFfFf'), 'fw529a3039@dt=FfFfFfFf');
  for (const wrong of ['', 'a', 'a=', 'A=1', 'a=1,a=2', 'a=b=c', 'a=ü', `a=${'x'.repeat(600)}`, Array.from({ length: 33 }, (_, index) => `k${index}=v`).join(',')]) assert.equal(stateOf(wrong), undefined, wrong);
});
