import type { Entry, ReadOptions } from './exchanged-promise.ts';
import { limitProblem } from './exchanged-promise.ts';
import { readIcs } from './read-ics.ts';
import { readJson } from './read-json.ts';
import { readTodoistCsv } from './read-todoist-csv.ts';

export type FileFormat = 'JSON' | 'ICS' | 'CSV';

/** What a file is written in, told from how it begins; nothing if it is none of the three. */
export function formatOf(text: string): FileFormat | undefined {
  const start = text.slice(0, 4096).replace(/^\ufeff/, '').trimStart();
  if (/^[[{]/.test(start)) return 'JSON';
  if (/^BEGIN:\s*V/i.test(start)) return 'ICS';
  return /^"?TYPE"?\s*,/i.test(start) || /^[^\n]*\bCONTENT\b[^\n]*,/.test(start) ? 'CSV' : undefined;
}

/** Reads the promises of a file one after the other; what breaks the limits of the contract is refused here. */
export function* readFile(text: string, format: FileFormat, options: ReadOptions): Generator<Entry> {
  for (const entry of readInSlices(text, format, options)) if (entry) yield entry;
}

/** The same, with nothing in between wherever a reader has worked for some milliseconds and found no promise: others may have a turn. */
export function* readInSlices(text: string, format: FileFormat, options: ReadOptions): Generator<Entry | undefined> {
  for (const entry of entriesOf(text, format, options)) {
    const problem = entry && 'promise' in entry ? limitProblem(entry.promise) : undefined;
    yield entry && problem ? { line: entry.line, refused: problem } : entry;
  }
}

function entriesOf(text: string, format: FileFormat, options: ReadOptions): Generator<Entry | undefined> {
  if (format === 'JSON') return readJson(text);
  return format === 'ICS' ? readIcs(text, options) : readTodoistCsv(text, options);
}
