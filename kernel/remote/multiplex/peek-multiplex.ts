import { frame, FRAME_HEAD, PREFACE, UNARY_CALLS_ALONE } from './frames.ts';

const LONGEST_SETTINGS = 600;

/** Whether a connection that begins with these bytes brings unary calls alone: `more` while too few of them came, `other` for any other HTTP/2, and for what is none. */
export function peekMultiplex(bytes: Buffer): 'more' | 'multiplex' | 'other' {
  const known = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, known, 0, known) !== 0) return 'other';
  if (bytes.length < PREFACE.length + FRAME_HEAD) return 'more';
  const length = bytes.readUIntBE(PREFACE.length, 3);
  if (bytes[PREFACE.length + 3] !== frame.SETTINGS || length > LONGEST_SETTINGS) return 'other';
  const from = PREFACE.length + FRAME_HEAD;
  if (bytes.length < from + length) return 'more';
  for (let at = from; at + 6 <= from + length; at += 6) if (bytes.readUInt16BE(at) === UNARY_CALLS_ALONE && bytes.readUInt32BE(at + 2) === 1) return 'multiplex';
  return 'other';
}
