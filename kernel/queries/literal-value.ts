import { sql, type RawBuilder } from 'kysely';
import { isPossibleTime } from '../codec/possible-time.ts';
import { invalidFilter } from './query-errors.ts';
import type { FilterField } from './query-fields.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const date = /^\d{4}-\d{2}-\d{2}$/;
const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;
const duration = /^-?\d{1,9}(\.\d{1,9})?s$/;
const whole = /^[+-]?\d{1,18}$/;
const number = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i;

/** The parameter for a value that a field is compared with; undefined for one that no row can have. Throws `kernel.INVALID_FILTER`. */
export function valueOf({ name, kind, desc }: FilterField, text: string, at: number): RawBuilder<unknown> | undefined {
  const wrong = (expected: string) => invalidFilter(`${name} is compared with ${expected}`, at);
  switch (kind) {
    case 'text':
    case 'list': return sql`${text}`;
    case 'uuid': return uuid.test(text) ? sql`${text}::uuid` : undefined;
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw wrong('true or false');
      return sql`${text === 'true'}`;
    case 'number':
      if (!number.test(text) || text.length > 40) throw wrong('a number');
      // An index of whole numbers knows no others.
      return whole.test(text) ? sql`${text}::bigint` : sql`${text}::numeric`;
    case 'enum': {
      const names = desc.enum!.values.filter(({ number: value }) => value !== 0).map((value) => value.name);
      if (!names.includes(text)) throw wrong(`one of ${names.join(', ')}`);
      return sql`${text}`;
    }
    case 'time': {
      const value = utcTime(date.test(text) ? `${text}T00:00:00Z` : text);
      if (!value) throw wrong('a time such as 2026-11-30T17:00:00Z, or a day such as 2026-11-30');
      return sql`${value}::timestamptz`;
    }
    case 'duration':
      if (!duration.test(text)) throw wrong('a duration in seconds such as 90s');
      return sql`${text.slice(0, -1)}::numeric * interval '1 second'`;
    case 'message': throw wrong('* only, to ask whether it is there');
  }
}

/** A time in UTC, with all of its digits; undefined for what is none. */
function utcTime(text: string): string | undefined {
  const [, fraction = ''] = time.exec(text) ?? [];
  if (!time.test(text) || !isPossibleTime(text)) return undefined;
  const moment = new Date(text.replace(fraction, ''));
  const known = !Number.isNaN(moment.getTime()) && moment.getUTCFullYear() >= 1 && moment.getUTCFullYear() <= 9999;
  return known ? moment.toISOString().replace('.000', fraction) : undefined;
}
