import { type CsvErrorCode, Parser } from 'csv-parse';
import { parseNext, parseWhen } from '../dates/parse-when.ts';
import type { When, WhenOptions } from '../dates/when.ts';
import { isTimeZone } from '../dates/zoned-time.ts';
import type { Entry, ExchangedPromise, ExchangedReminder, ReadOptions } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';

/** The columns that are read, of however many there are. */
const columns = ['TYPE', 'CONTENT', 'DESCRIPTION', 'DATE', 'DEADLINE', 'TIMEZONE'] as const;

interface Row {
  line: number;
  cells: Partial<Record<(typeof columns)[number], string>>;
}

/** After so many bytes others may have a turn. */
const bytesAtOnce = 64 * 1024;

/** Reads the CSV that Todoist exports: tasks become promises, sections and @labels tags, notes part of the description. */
export function* readTodoistCsv(text: string, options: ReadOptions): Generator<Entry | undefined> {
  const keyOf = keysByTitle('csv');
  let section = '';
  let open: Extract<Entry, { promise: unknown }> | undefined;
  let notes: string[] = [];
  const finished = () => {
    if (open && notes.length) open.promise.description = [open.promise.description, ...notes].filter(Boolean).join('\n\n');
    notes = [];
    return open;
  };
  for (const row of rows(text)) {
    if (!row) {
      yield undefined;
      continue;
    }
    if ('refused' in row) {
      if (open) yield finished();
      open = undefined;
      yield row;
      continue;
    }
    const type = (row.cells.TYPE ?? '').toLowerCase();
    const content = row.cells.CONTENT ?? '';
    if (type === 'note') {
      if (open && content) notes.push(content);
      continue;
    }
    if (open) yield finished();
    open = undefined;
    if (type === 'section') section = content.trim();
    else if (type === 'task' && content.trim()) open = taskOf(row, section, options, keyOf);
    else if (type === 'task') yield { line: row.line, refused: 'the task has no CONTENT' };
    else if (type && type !== 'meta') yield { line: row.line, refused: `a row of the type "${type.slice(0, 40)}" is not known` };
  }
  if (open) yield finished();
}

function taskOf({ line, cells }: Row, section: string, options: ReadOptions, keyOf: (title: string) => string): Extract<Entry, { promise: unknown }> {
  const { title, labels } = withoutLabels(cells.CONTENT ?? '');
  const warnings: string[] = [];
  const zone = cells.TIMEZONE?.trim() ?? '';
  const timeZone = isTimeZone(zone) ? zone : options.timeZone;
  const date = [cells.DATE, cells.DEADLINE].map((cell) => cell?.trim() ?? '').find((cell) => cell && cell !== 'no date') ?? '';
  const when = whenOf(date, { ...options, timeZone }, warnings);
  const promise: ExchangedPromise = {
    sourceKey: keyOf(title),
    partial: true,
    title,
    description: cells.DESCRIPTION ?? '',
    dueTime: when?.time,
    ...(when && { dueWords: date }),
    tags: normalTags([...labels, section]),
    state: 'PENDING',
    archived: false,
    reminders: remindersOf(date, when, { ...options, timeZone }),
  };
  return { line, promise, warnings };
}

function whenOf(date: string, options: WhenOptions, warnings: string[]): When | undefined {
  const when = date ? parseWhen(date, options) : undefined;
  if (when || !date) return when;
  const next = parseNext(date, options);
  warnings.push(`the date "${date.slice(0, 60)}" is not understood: ${next ? 'only its next time was taken' : 'imported without a due time'}`);
  return next && { time: next, recurrence: '' };
}

/** A task that recurs is due at the end of its days, which is too late to be reminded of it. */
function remindersOf(date: string, when: When | undefined, options: WhenOptions): ExchangedReminder[] {
  const reminder = when?.recurrence ? parseWhen(date, { ...options, timeOfDay: '09:00' }) : undefined;
  return reminder ? [{ ...reminder, timeZone: options.timeZone, method: 'APP' }] : [];
}

/** Todoist writes labels into the task's text: `Call Ben @phone @today`. */
function withoutLabels(content: string): { title: string; labels: string[] } {
  const labels: string[] = [];
  const title = content.replace(/(^|\s)@([\p{L}\p{N}_/-]+)(?=\s|$)/gu, (_, __, label: string) => {
    labels.push(label);
    return '';
  });
  return title.trim() ? { title: title.replace(/\s+/g, ' ').trim(), labels } : { title: content.trim(), labels: [] };
}

interface Parsed {
  record: string[];
  info: { lines: number };
}

/** What the parser is made of: fed in parts, it never holds more than one of them. */
interface CsvApi {
  parse(part: Buffer | undefined, end: boolean, push: (parsed: Parsed) => void, close: () => void): Error | undefined;
}

/** The rows below the heading, and nothing now and then. What `csv-parse` can't read ends up refused, with its line. */
function* rows(text: string): Generator<Row | Extract<Entry, { refused: string }> | undefined> {
  const refused: Fault[] = [];
  // The parser counts CR LF inside of a value as two lines.
  const unified = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const faults = placed(unified);
  let names: string[] | undefined;
  let end = 0;
  for (const parsed of parsedRows(Buffer.from(unified), refused)) {
    if (!parsed) {
      // What was found wrong so far lies before every row to come.
      for (; names && refused[0]; end = refused.shift()!.last) yield faults(end, refused[0]);
      yield undefined;
      continue;
    }
    const { record, info } = parsed;
    if (!names) {
      names = record.map((name) => name.trim().toUpperCase());
      if (!names.includes('TYPE') || !names.includes('CONTENT')) break;
      end = info.lines;
      continue;
    }
    const height = record.reduce((lines, cell) => lines + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0);
    const line = Math.max(end + 1, info.lines - height);
    for (; refused[0] && refused[0].last < line; end = refused.shift()!.last) yield faults(end, refused[0]);
    yield { line, cells: cellsOf(names, record) };
    end = info.lines;
  }
  if (!names?.includes('TYPE') || !names.includes('CONTENT')) {
    return yield { line: 1, refused: 'the first line must name the columns, TYPE and CONTENT among them' };
  }
  for (const fault of refused) {
    yield faults(end, fault);
    end = fault.last;
  }
}

const cellsOf = (names: string[], record: string[]): Row['cells'] => Object.fromEntries(columns.map((column) => [column, record[names.lastIndexOf(column)] ?? '']));

/** Parses part by part: a file of many short rows would fill the memory with their parts. */
function* parsedRows(content: Buffer, refused: Fault[]): Generator<Parsed | undefined> {
  let latest = 0;
  const { api } = new Parser({
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: 256 * 1024,
    on_skip: (error) => {
      const last = (error as { lines?: number } | undefined)?.lines ?? 1;
      // The parser tells of each fault of a row.
      if (latest !== last) refused.push({ last, reason: reasons[error?.code as CsvErrorCode] ?? 'the row can\'t be read' });
      latest = last;
    },
  }) as unknown as { api: CsvApi };
  for (let at = 0; at <= content.length; at += bytesAtOnce) {
    const parsed: Parsed[] = [];
    const ends = at + bytesAtOnce > content.length;
    const error = api.parse(content.subarray(at, at + bytesAtOnce), ends, (row) => parsed.push(row), () => {});
    if (error) throw error;
    yield* parsed;
    yield undefined;
  }
}

/** A row that can't be read, by its last line: the parser notices only there. */
interface Fault {
  last: number;
  reason: string;
}

/** Says where a fault begins, after the row that ends at `end`, and what it swallowed; the faults come in their order. */
function placed(text: string): (end: number, fault: Fault) => { line: number; refused: string } {
  let reached = { line: 1, start: 0 };
  const next = ({ line, start }: typeof reached) => {
    const newline = text.indexOf('\n', start);
    return { line: line + 1, start: newline < 0 ? text.length : newline + 1 };
  };
  return (end, { last, reason }) => {
    while (reached.line <= end) reached = next(reached);
    while (reached.line < last && text.startsWith('\n', reached.start)) reached = next(reached);
    const { line } = reached;
    return { line, refused: last > line ? `${reason}: lines ${line} to ${last} were left out` : reason };
  };
}

const reasons: Partial<Record<CsvErrorCode, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quotation mark is closed in the middle of a value',
  INVALID_OPENING_QUOTE: 'a quotation mark stands in the middle of a value',
  CSV_MAX_RECORD_SIZE: 'the row is longer than 256 KiB',
};
