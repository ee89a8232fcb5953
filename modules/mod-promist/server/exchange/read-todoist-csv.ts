import { type CsvErrorCode, parse } from 'csv-parse/sync';
import { parseNext, parseWhen } from '../dates/parse-when.ts';
import type { When, WhenOptions } from '../dates/when.ts';
import { isTimeZone } from '../dates/zoned-time.ts';
import type { Entry, ExchangedPromise, ExchangedReminder, ReadOptions } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';

interface Row {
  line: number;
  /** By the column's name in upper case. */
  cells: Record<string, string>;
}

/** Reads the CSV that Todoist exports: tasks become promises, sections and @labels tags, notes part of the description. */
export function* readTodoistCsv(text: string, options: ReadOptions): Generator<Entry> {
  const keyOf = keysByTitle('csv');
  let section = '';
  let open: Extract<Entry, { promise: unknown }> | undefined;
  for (const row of rows(text)) {
    if ('refused' in row) {
      if (open) yield open;
      open = undefined;
      yield row;
      continue;
    }
    const type = (row.cells.TYPE ?? '').toLowerCase();
    const content = row.cells.CONTENT ?? '';
    if (type === 'note') {
      if (open && content) open.promise.description = [open.promise.description, content].filter(Boolean).join('\n\n');
      continue;
    }
    if (open) yield open;
    open = undefined;
    if (type === 'section') section = content.trim();
    else if (type === 'task' && content.trim()) open = taskOf(row, section, options, keyOf);
    else if (type === 'task') yield { line: row.line, refused: 'the task has no CONTENT' };
    else if (type && type !== 'meta') yield { line: row.line, refused: `a row of the type "${type.slice(0, 40)}" is not known` };
  }
  if (open) yield open;
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

/** The rows below the heading. What `csv-parse` can't read ends up refused, with its line. */
function* rows(text: string): Generator<Row | Extract<Entry, { refused: string }>> {
  const refused: Fault[] = [];
  // The parser counts CR LF inside of a value as two lines.
  const unified = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const records = parse(unified, {
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: 256 * 1024,
    on_skip: (error) => {
      const last = (error as { lines?: number } | undefined)?.lines ?? 1;
      // The parser tells of each fault of a row.
      if (refused.at(-1)?.last !== last) refused.push({ last, reason: reasons[error?.code as CsvErrorCode] ?? 'the row can\'t be read' });
    },
  }) as unknown as { record: string[]; info: { lines: number } }[];
  const heading = records.shift();
  const names = heading?.record.map((name) => name.trim().toUpperCase()) ?? [];
  if (!names.includes('TYPE') || !names.includes('CONTENT')) {
    return yield { line: 1, refused: 'the first line must name the columns, TYPE and CONTENT among them' };
  }
  const faults = placed(refused, unified);
  let end = heading!.info.lines;
  for (const { record, info } of records) {
    const height = record.reduce((lines, cell) => lines + (cell.match(/\n/g)?.length ?? 0), 0);
    const line = Math.max(end + 1, info.lines - height);
    for (; refused[0] && refused[0].last < line; end = refused.shift()!.last) yield faults(end, refused[0]);
    yield { line, cells: Object.fromEntries(names.map((name, index) => [name, record[index] ?? ''])) };
    end = info.lines;
  }
  for (const fault of refused) {
    yield faults(end, fault);
    end = fault.last;
  }
}

/** A row that can't be read, by its last line: the parser notices only there. */
interface Fault {
  last: number;
  reason: string;
}

/** Says where a fault begins, after the row that ends at `end`, and what it swallowed. */
function placed(faults: readonly Fault[], text: string): (end: number, fault: Fault) => { line: number; refused: string } {
  const lines = faults.length ? text.split('\n') : [];
  return (end, { last, reason }) => {
    let line = end + 1;
    while (line < last && !lines[line - 1]) line += 1;
    return { line, refused: last > line ? `${reason}: lines ${line} to ${last} were left out` : reason };
  };
}

const reasons: Partial<Record<CsvErrorCode, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quotation mark is closed in the middle of a value',
  INVALID_OPENING_QUOTE: 'a quotation mark stands in the middle of a value',
  CSV_MAX_RECORD_SIZE: 'the row is longer than 256 KiB',
};
