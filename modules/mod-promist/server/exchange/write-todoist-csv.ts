import { localTime } from '../dates/zoned-time.ts';
import { labelOf, type ExchangedPromise } from './exchanged-promise.ts';

const columns = ['TYPE', 'CONTENT', 'DESCRIPTION', 'PRIORITY', 'INDENT', 'AUTHOR', 'RESPONSIBLE', 'DATE', 'DATE_LANG', 'TIMEZONE'];

/** Writes pending promises as the CSV that Todoist imports, with times as the person's clock shows them; it has no place for kept and broken ones. */
export async function* writeTodoistCsv(promises: AsyncIterable<ExchangedPromise>, timeZone: string): AsyncGenerator<string> {
  yield `${columns.join(',')}\r\n`;
  for await (const promise of promises) {
    if (promise.state !== 'PENDING') continue;
    const labels = promise.tags.map((tag) => `@${labelOf(tag)}`);
    const due = promise.dueTime ? localTime(promise.dueTime, timeZone).toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ') : '';
    const cells = ['task', [promise.title, ...labels].join(' '), promise.description, '4', '1', '', '', due, 'en', timeZone];
    yield `${cells.map(quoted).join(',')}\r\n`;
  }
}

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
