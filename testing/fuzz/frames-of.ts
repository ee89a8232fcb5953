import { isUtf8 } from 'node:buffer';
import type { DescMethod } from '@bufbuild/protobuf';
import { fullName, type FuzzCase } from './any-case.ts';
import { damagedBody } from './damaged-request.ts';
import { jsonOf } from './hostile-values.ts';

/** The largest message that the socket takes. */
const limitBytes = 1024 * 1024;

/** One message on a WebSocket, sent in as many pieces as it has parts. */
export interface SocketMessage {
  parts: readonly Uint8Array[];
  binary: boolean;
}

type Frame = Record<string, unknown>;

const ids: readonly unknown[] = [null, true, {}, [], '', 'x'.repeat(100), 'x'.repeat(101), 'x'.repeat(100_000), '\u{1f600}', '\ud800', '\0', '__proto__', 'constructor', 0, '\ue004', -1, 1.5, 2 ** 53 - 1, 2 ** 53, '\ue003', '\ue005', '\ue001', { toString: 1 }];
const calls: readonly unknown[] = [null, true, 7, [], {}, { toString: 1, valueOf: 1 }, '\ue001', '\ue002', '', '/', 'none.Such/Method', '__proto__', 'constructor', 'toString', '\0', '\ud800', 'x'.repeat(100_000)];
const headers: readonly unknown[] = [null, 1, 'a: b', [], [['a', 'b']], { a: 1 }, { a: null }, { a: ['b'] }, { 'a b': 'c' }, { '': 'a' }, { a: 'b\r\nc: d' }, { a: '\u{1f600}' }, { a: '\0' }, { '\ud800': 'a' }, { '__proto__ ': 'a' }, { ['x'.repeat(10_000)]: 'a' }, JSON.parse('{"__proto__":"a"}'), Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`h${at}`, 'v'])), '\ue001'];
const messages: readonly unknown[] = [null, 1, true, 'a', [], [{}], '\ue001', '\ue003', { '': 1 }];
const ends: readonly unknown[] = [null, false, 1, 'true', [], {}];
const strange: readonly unknown[] = [null, 1, 'a', [], {}, { id: 'nobody' }, { id: 'nobody', message: {} }, { id: 'nobody', end: true }, { id: 'nobody', cancel: true }, { id: 'nobody', end: 1 }, { id: 'nobody', message: 1 }, { id: 'nobody', error: {} }, { call: 'none.Such/Method' }, '\ue001', '\ue006'];

const pick = (from: readonly unknown[], place: number): unknown => from[place % from.length];

/** Writes a case as messages on a WebSocket: the call by that id, and what belongs to its damage. */
export function framesOf(method: DescMethod, { tree, headers: sent, damage }: FuzzCase, id: string, given: Record<string, string>): SocketMessage[] {
  const begin = { id, call: fullName(method), headers: { ...given, ...sent }, message: tree };
  const streams = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const rest = streams ? [{ id, message: tree }, { id, end: true }] : [];
  if (!damage) return [begin, ...rest].map(whole);
  const [first, ...others] = inDisorder([begin, ...rest], damage, id).map(whole);
  return [damagedMessage(first!, damage), ...others];
}

const whole = (frame: Frame): SocketMessage => ({ parts: [jsonOf(frame)], binary: false });

/** The frames with one of them changed, left out, said twice or where it does not belong. */
function inDisorder([begin, ...rest]: [Frame, ...Frame[]], { kind, place }: NonNullable<FuzzCase['damage']>, id: string): Frame[] {
  const { id: _id, ...nameless } = begin;
  const { call: _call, ...uncalled } = begin;
  switch (kind) {
    case 'id': return [{ ...begin, id: pick(ids, place) }, ...rest];
    case 'no id': return [nameless, ...rest];
    case 'call': return [{ ...begin, call: pick([...calls, `/${begin.call}`, String(begin.call).toUpperCase(), `${begin.call}/`], place) }, ...rest];
    case 'no call': return [uncalled, ...rest];
    case 'headers': return [{ ...begin, headers: pick(headers, place) }, ...rest];
    case 'message': return [{ ...begin, message: pick(messages, place) }, ...rest];
    case 'end': return [{ ...begin, end: pick(ends, place) }, { id, end: pick(ends, place >> 3) }, ...rest];
    case 'early': return [{ id, message: begin.message }, { id, end: true }, begin, ...rest];
    case 'late': return [begin, ...rest, { id, message: begin.message }];
    case 'same id': return [begin, begin, ...rest];
    case 'cancel': return [begin, ...rest.slice(0, place % 2), { id, cancel: true }, ...rest];
    case 'ended twice': return [begin, ...rest, { id, end: true }, { id, end: true }];
    case 'strange': return [begin, pick(strange, place) as Frame, ...rest];
    case 'large': return [{ ...begin, padding: 'x'.repeat(place % 2 === 0 ? limitBytes : limitBytes - 100_000) }, ...rest];
    default: return [begin, ...rest];
  }
}

function damagedMessage({ parts: [content], binary }: SocketMessage, damage: NonNullable<FuzzCase['damage']>): SocketMessage {
  const bytes = damagedBody(content!, damage, false);
  if (damage.kind !== 'split') return { parts: [bytes], binary: binary || damage.kind === 'binary' };
  const places = [0, 1 + Math.floor((damage.place / 1000) * bytes.length), Math.floor(bytes.length / 2), bytes.length].sort((one, other) => one - other);
  return { parts: places.slice(1).map((end, at) => bytes.subarray(places[at], end)), binary: false };
}

/** With which code the socket is to be closed on these messages (RFC 6455 §7.4.1); nothing if it stays open. */
export function closedWith(sent: readonly SocketMessage[]): number | undefined {
  for (const { parts, binary } of sent) {
    const content = Buffer.concat(parts);
    if (content.length > limitBytes) return 1009;
    if (!binary && !isUtf8(content)) return 1007;
  }
  return undefined;
}
