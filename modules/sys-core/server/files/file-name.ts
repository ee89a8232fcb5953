import { errors } from '../../errors.ts';

const longestBytes = 255;
const shows = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

/** The name as it is kept: NFC, without space around it. Throws `FILE_NAME_INVALID` for what could lead elsewhere or look like another. */
export function fileName(given: string): string {
  const name = given.normalize('NFC').trim();
  const because = problemOf(name);
  if (because) throw errors.FILE_NAME_INVALID({ because });
  return name;
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'give it one, as name or as the filename of content-disposition';
  if (name === '.' || name === '..') return 'it must not be a folder';
  if (/[/\\]/.test(name)) return 'it must not hold slashes';
  if (shows.test(name)) return 'it must not hold characters that control how text is shown';
  if (!name.isWellFormed()) return 'it is not valid text';
  return Buffer.byteLength(name) > longestBytes ? `it must have at most ${longestBytes} bytes` : undefined;
}
