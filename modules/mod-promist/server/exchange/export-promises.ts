import { caller, currentTime } from '@mainstay/kernel';
import { Format, type ExportPromisesRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { isTimeZone } from '../dates/zoned-time.ts';
import type { Needs } from '../needs.ts';
import type { ExchangedPromise } from './exchanged-promise.ts';
import { ownPromises } from './exchanged-rows.ts';
import { writeIcs } from './write-ics.ts';
import { writeJson } from './write-json.ts';
import { writeTodoistCsv } from './write-todoist-csv.ts';

const pieceLength = 64 * 1024;

/** Writes the caller's promises as a file, piece by piece. */
export async function* exportPromises(needs: Needs, { format, timeZone }: ExportPromisesRequest) {
  if (timeZone && !isTimeZone(timeZone)) throw errors.INVALID_TIME_ZONE({ timeZone });
  const encoder = new TextEncoder();
  let piece = '';
  for await (const text of written(ownPromises(needs, caller().accountId), format, timeZone || 'UTC')) {
    piece += text;
    if (piece.length < pieceLength) continue;
    yield { content: encoder.encode(piece) };
    piece = '';
  }
  if (piece) yield { content: encoder.encode(piece) };
}

function written(promises: AsyncIterable<ExchangedPromise>, format: Format, timeZone: string): AsyncGenerator<string> {
  if (format === Format.ICS) return writeIcs(promises, currentTime());
  return format === Format.CSV ? writeTodoistCsv(promises, timeZone) : writeJson(promises);
}
