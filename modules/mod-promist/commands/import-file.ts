import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { CommandTools } from '@mainstay/kernel';
import { Format, PromisesService, type ImportProblem, type ImportSummary } from '../contract/index.ts';
import { ownTimeZone } from './show-promise.ts';

const byExtension: Record<string, keyof typeof Format> = { '.ics': 'ICS', '.ical': 'ICS', '.csv': 'CSV', '.json': 'JSON' };

/** Imports a file, shows how far it is, and says at the end what came of it. Throws if a part of the file was refused; the rest is imported. */
export async function importFile(cli: CommandTools, file: string, format?: string): Promise<void> {
  const content = await contentOf(file);
  const written = (format ?? byExtension[extname(file).toLowerCase()] ?? 'FORMAT_UNSPECIFIED') as keyof typeof Format;
  const client = await cli.client(PromisesService);
  let summary: ImportSummary | undefined;
  for await (const { step } of client.importPromises({ content, format: Format[written], timeZone: ownTimeZone() })) {
    if (step.case === 'progress') cli.progress(step.value.done, step.value.total, 'promises');
    if (step.case === 'summary') summary = step.value;
  }
  if (!summary) throw new Error('the import ended too early: run it again, nothing is imported twice');
  report(cli, summary);
  const { imported, updated, unchanged, refusedCount } = summary;
  const taken = imported + updated + unchanged;
  if (refusedCount) throw new Error(`${refusedCount} of ${taken + refusedCount} were refused${taken ? ', the others are imported' : ''}: mend them and import the file again, nothing is imported twice`);
}

async function contentOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(file === '-' ? await buffer(process.stdin) : await readFile(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = { ENOENT: `there is no file ${file}`, EISDIR: `${file} is a folder: name a file in it` };
    throw new Error(reasons[code ?? ''] ?? `${file} can't be read (${code})`);
  }
}

function report(cli: CommandTools, { imported, updated, unchanged, refusedCount, refused, warnings }: ImportSummary): void {
  if (cli.json) return cli.print(JSON.stringify({ imported, updated, unchanged, refused: refused.map(plain), refusedCount, warnings: warnings.map(plain) }, null, 2));
  for (const { line, reason } of warnings) cli.print(`line ${line}: ${reason}`);
  for (const { line, reason } of refused) cli.print(`line ${line} refused: ${reason}`);
  if (refusedCount > refused.length) cli.print(`and ${refusedCount - refused.length} more were refused`);
  cli.print(`imported ${imported}, updated ${updated}, unchanged ${unchanged}, refused ${refusedCount}`);
}

const plain = ({ line, reason }: ImportProblem) => ({ line, reason });
