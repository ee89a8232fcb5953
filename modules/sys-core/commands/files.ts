import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { withEach, type CommandTools } from '@mainstay/kernel';
import type { Command } from 'commander';
import { FileSchema, FilesService, Visibility, type File, type UploadFileRequestSchema } from '../contract/index.ts';

/** Adds the commands that keep, read, list and remove files. */
export default function files(group: Command, cli: CommandTools): void {
  group.description('Keep files of your org.');
  group
    .command('put <file>')
    .summary('keep a file; - reads from standard input')
    .option('--name <name>', 'what to call it; its own name if absent')
    .option('--org', 'let everyone in the org read it')
    .action((path: string, options: { name?: string; org?: boolean }) => put(cli, path, options));
  group
    .command('get <id>')
    .summary('read a file')
    .option('-o, --output <file>', 'where to; the terminal if absent')
    .action((id: string, { output }: { output?: string }) => get(cli, id, output));
  group
    .command('list')
    .summary('list the files that you may read, the newest first')
    .option('--filter <filter>', 'which ones, such as \'name:report AND size > 1000000\'', '')
    .option('--order-by <fields>', 'such as name, or "size desc"', '')
    .action((options: { filter: string; orderBy: string }) => list(cli, options));
  group.command('remove <id...>').summary('remove files').action((ids: string[]) => remove(cli, ids));
}

async function put(cli: CommandTools, path: string, { name, org }: { name?: string; org?: boolean }): Promise<void> {
  const size = path === '-' ? 0 : await sizeOf(path);
  const content = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 256 * 1024 });
  const client = await cli.client(FilesService);
  const about = { name: name ?? (path === '-' ? 'standard-input' : basename(path)), visibility: org ? Visibility.ORG : Visibility.PRIVATE, size: BigInt(size) };
  const file = await client.uploadFile(pieces(cli, about, content, size)).catch((error: unknown) => unreadable(path, error));
  cli.print(cli.json ? JSON.stringify(toJson(FileSchema, file), null, 2) : `kept ${file.name} as ${file.id}`);
}

async function* pieces(cli: CommandTools, about: MessageInitShape<typeof UploadFileRequestSchema>, content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<MessageInitShape<typeof UploadFileRequestSchema>> {
  yield about;
  let done = 0;
  for await (const data of content) {
    yield { content: { data: Uint8Array.from(data) } };
    if (size > 0) cli.progress((done += data.length), size, 'bytes');
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => unreadable(path, error));
  if (found.isDirectory()) throw new Error(`${path} is a folder: name a file in it`);
  return found.size;
}

/** Says what is wrong with the file; what is wrong with the call is left as it is. */
function unreadable(path: string, error: unknown): never {
  const { code = '' } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  if (!['ENOENT', 'EACCES', 'EPERM', 'EIO'].includes(code)) throw error;
  throw new Error(code === 'ENOENT' ? `there is no file ${path}` : `${path} can't be read (${code})`);
}

async function get(cli: CommandTools, fileId: string, output: string | undefined): Promise<void> {
  const client = await cli.client(FilesService);
  const bytes = Readable.from(contents(client.downloadFile({ fileId })), { objectMode: false });
  if (!output) return pipeline(bytes, process.stdout, { end: false });
  // A file that was there stays whole until the new one is complete.
  const unfinished = `${output}.part`;
  try {
    await pipeline(bytes, createWriteStream(unfinished, { mode: 0o600 }));
  } catch (error) {
    await rm(unfinished, { force: true });
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall === 'open' ? new Error(`${output} can't be written (${code})`) : error;
  }
  await rename(unfinished, output);
  cli.print(cli.json ? JSON.stringify({ output }) : `written to ${output}`);
}

async function* contents(pieces: AsyncIterable<{ data: Uint8Array }>): AsyncGenerator<Uint8Array> {
  for await (const { data } of pieces) if (data.length > 0) yield data;
}

async function list(cli: CommandTools, asked: { filter: string; orderBy: string }): Promise<void> {
  const client = await cli.client(FilesService);
  const found: File[] = [];
  for (let pageToken = ''; ; ) {
    const page = await client.listFiles({ ...asked, pageSize: 1000, pageToken });
    found.push(...page.files);
    if (!(pageToken = page.nextPageToken)) break;
  }
  if (cli.json) return cli.print(JSON.stringify({ files: found.map((file) => toJson(FileSchema, file)) }, null, 2));
  if (found.length === 0) return cli.print('no files');
  cli.table(found.map((file) => ({ id: file.id, name: file.name, type: file.contentType, bytes: String(file.size), kept: timestampDate(file.createTime!).toISOString().slice(0, 16).replace('T', ' '), 'who reads': file.visibility === Visibility.ORG ? 'the org' : 'its owner' })));
}

async function remove(cli: CommandTools, ids: readonly string[]): Promise<void> {
  const client = await cli.client(FilesService);
  await withEach(cli, ids, (fileId) => client.deleteFile({ fileId }), { result: 'removed', line: (id) => `removed ${id}`, done: 'removed' });
}
