import { localTime } from '../dates/zoned-time.ts';
import { labelOf, type ExchangedPromise } from './exchanged-promise.ts';

const columns = ['TYPE', 'CONTENT', 'DESCRIPTION', 'PRIORITY', 'INDENT', 'AUTHOR', 'RESPONSIBLE', 'DATE', 'DATE_LANG', 'TIMEZONE'];

/** Writes pending promises as the CSV that Todoist imports, with times as the person's clock shows them, or in UTC where that shows the year 10000; it has no place for kept and broken ones. */
export async function* writeTodoistCsv(promises: AsyncIterable<ExchangedPromise>, timeZone: string): AsyncGenerator<string> {
  yield `${columns.join(',')}\r\n`;
  for await (const promise of promises) {
    if (promise.state !== 'PENDING') continue;
    const labels = promise.tags.map((tag) => `@${labelOf(tag)}`);
    const zone = promise.dueTime && localTime(promise.dueTime, timeZone).year > 9999 ? 'UTC' : timeZone;
    const due = promise.dueTime ? localTime(promise.dueTime, zone).toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ') : '';
    const cells = ['task', [promise.title, ...labels].join(' '), promise.description, '4', '1', '', '', due, 'en', zone];
    yield `${cells.map(quoted).join(',')}\r\n`;
  }
}

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
