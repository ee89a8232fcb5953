/**
 * What it costs to copy, write and read a message, by compiled codecs and by the library. Both in the same run, in turns.
 * `node bench/codec.ts [milliseconds per measurement]`
 */
import { clone, create, fromBinary, fromJson, fromJsonString, type JsonValue, toBinary, toJsonString } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { codecOf } from '../kernel/codec/codec-of.ts';
import { copierOf } from '../kernel/codec/copy-message.ts';
import { parseJson } from '../kernel/http/rest/json-text.ts';
import { Promise_State, PromiseSchema } from '../modules/mod-promist/contract/gen/mod/promist/v1/promises_pb.js';
import { conditions } from './conditions.ts';
import { median } from './percentile.ts';

const milliseconds = Number(process.argv[2] ?? 300);
const rounds = 7;
const at = timestampFromDate(new Date('2026-03-31T12:00:00.123Z'));
const message = create(PromiseSchema, {
  id: '019d4b1e-7a2b-7c3d-8e4f-0123456789ab', title: 'Bring the documents to the notary', description: 'The deed and both passports, before noon; she closes at two on Fridays.',
  madeAt: at, dueTime: at, tags: ['home', 'papers'], state: Promise_State.PENDING, ownerAccountId: '019d4b1e-1111-7c3d-8e4f-ba9876543210', createTime: at, updateTime: at, etag: '"4f1c"',
});
const [codec, copy] = [codecOf(PromiseSchema), copierOf(PromiseSchema)];
const bytes = toBinary(PromiseSchema, message);
const full = { alwaysEmitImplicit: true };
const text = toJsonString(PromiseSchema, message, full);
const body = Buffer.from(text);
const parsed = JSON.parse(text) as JsonValue;

/** Mine and the library's way to the same end. Text is measured up to where its bytes can be counted, or from the bytes that came. */
const directions: Record<string, [mine: () => unknown, library: () => unknown]> = {
  copy: [() => copy(message), () => clone(PromiseSchema, message)],
  'message to binary': [() => codec.toBinary(message), () => toBinary(PromiseSchema, message)],
  'binary to message': [() => codec.fromBinary(bytes), () => fromBinary(PromiseSchema, bytes)],
  'message to JSON': [() => Buffer.byteLength(codec.toJsonText(message, full)), () => Buffer.byteLength(toJsonString(PromiseSchema, message, full))],
  'parsed JSON to message': [() => codec.fromJson(parsed), () => fromJson(PromiseSchema, parsed)],
  'bytes of JSON to message': [() => codec.fromJson(parseJson(body)), () => fromJsonString(PromiseSchema, body.toString())],
};

console.log(conditions());
console.log(`message of ${bytes.length} bytes, ${body.length} as JSON; the median of ${rounds} rounds of ${milliseconds} ms, half of one to warm up\n`);
console.table(Object.entries(directions).map(([direction, [mine, library]]) => {
  const samples = { mine: [] as number[], library: [] as number[] };
  for (const work of [mine, library]) measure(work, milliseconds / 2);
  for (let round = 0; round < rounds; round++) {
    samples.mine.push(measure(mine, milliseconds));
    samples.library.push(measure(library, milliseconds));
  }
  const [own, theirs] = [median(samples.mine), median(samples.library)];
  return { direction, 'compiled µs': own.toFixed(2), 'library µs': theirs.toFixed(2), 'times as fast': (theirs / own).toFixed(1) };
}));

/** Microseconds per call. The last result is looked at, so that no work is optimised away. */
function measure(work: () => unknown, duration: number): number {
  let calls = 0;
  let kept: unknown;
  const begin = performance.now();
  let now = begin;
  for (; now < begin + duration; now = performance.now()) {
    for (let index = 0; index < 200; index++) kept = work();
    calls += 200;
  }
  if (kept === undefined) throw new Error('nothing was done');
  return ((now - begin) * 1000) / calls;
}
