import { setImmediate as letOthersRun } from 'node:timers/promises';
import { caller, currentTime } from '@mainstay/kernel';
import { Format, type ImportPromisesRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { isTimeZone } from '../dates/zoned-time.ts';
import type { Needs } from '../needs.ts';
import { decodeFile } from './decode-file.ts';
import type { Entry, ReadOptions } from './exchanged-promise.ts';
import { importBatch, type ImportedEntry } from './import-batch.ts';
import { formatOf, readInSlices, type FileFormat } from './read-file.ts';

const batchSize = 1000;
const mostProblems = 1000;
/** How long a file is read before others have a turn, and how long in all, in milliseconds. */
const sliceMs = 10;
const longestMs = 30_000;

interface Problem {
  line: number;
  reason: string;
}

/** Reads a file and stores its promises in batches; says how far it is after each. */
export async function* importPromises(needs: Needs, request: ImportPromisesRequest) {
  const owner = caller().accountId;
  const { readable, refused, warnings } = sorted(await readAll(needs, request));
  const done = { imported: 0, updated: 0, unchanged: 0 };
  yield progress(0, readable.length);
  for (let at = 0; at < readable.length; at += batchSize) {
    const batch = readable.slice(at, at + batchSize);
    const result = await importBatch(needs, batch, owner);
    done.imported += result.imported;
    done.updated += result.updated;
    done.unchanged += result.unchanged;
    warnings.push(...result.warnings);
    yield progress(at + batch.length, readable.length);
    await letOthersRun();
  }
  const first = (problems: Problem[]) => problems.toSorted((a, b) => a.line - b.line).slice(0, mostProblems);
  yield { step: { case: 'summary' as const, value: { ...done, refusedCount: refused.length, refused: first(refused), warnings: first(warnings) } } };
}

const progress = (done: number, total: number) => ({ step: { case: 'progress' as const, value: { done, total } } });

async function readAll({ config }: Pick<Needs, 'config'>, { content, format, timeZone }: ImportPromisesRequest): Promise<Entry[]> {
  if (timeZone && !isTimeZone(timeZone)) throw errors.INVALID_TIME_ZONE({ timeZone });
  const text = decodeFile(content);
  if (!/[^\s\ufeff]/.test(text)) throw errors.EMPTY_FILE();
  const written = format === Format.FORMAT_UNSPECIFIED ? formatOf(text) : (Format[format] as FileFormat | undefined);
  if (!written) throw errors.UNKNOWN_FORMAT();
  const options: ReadOptions = { now: currentTime(), timeZone: timeZone || 'UTC' };
  const entries: Entry[] = [];
  let began = performance.now();
  let spent = 0;
  for (const entry of readInSlices(text, written, options)) {
    if (entry && entries.push(entry) > config.importLimit) throw errors.IMPORT_TOO_LARGE({ limit: config.importLimit });
    if (performance.now() - began < sliceMs) continue;
    spent += performance.now() - began;
    if (spent > longestMs) throw errors.IMPORT_TOO_SLOW({ seconds: longestMs / 1000 });
    await letOthersRun();
    began = performance.now();
  }
  return entries;
}

/** Parts what can be imported from what can't; of two promises with one name the second is refused. */
function sorted(entries: Entry[]) {
  const readable: ImportedEntry[] = [];
  const refused: Problem[] = [];
  const warnings: Problem[] = entries.length ? [] : [{ line: 1, reason: 'the file holds no promises' }];
  const lines = new Map<string, number>();
  for (const entry of entries) {
    const { line } = entry;
    if ('refused' in entry) refused.push({ line, reason: entry.refused });
    else if (lines.has(entry.promise.sourceKey)) refused.push({ line, reason: `it has the same id as the promise in line ${lines.get(entry.promise.sourceKey)}` });
    else {
      lines.set(entry.promise.sourceKey, line);
      readable.push(entry);
      for (const reason of entry.warnings) warnings.push({ line, reason });
    }
  }
  return { readable, refused, warnings };
}
