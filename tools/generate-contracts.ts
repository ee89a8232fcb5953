/**
 * Generates TypeScript from every contract, into git-ignored `gen/` folders.
 * Does nothing while neither a `.proto` file nor a generator changed; `./mainstay` runs it before each start.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bufProgram } from './buf-program.ts';
import { contractFolders, nameContractFolders } from './contract-folders.ts';

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const foreign = join(root, 'gen/proto');
const stamp = join(root, 'gen/contracts.json');

/** The protos of others that ours import: taken from their npm packages, never committed. */
const imported = {
  'google/api/annotations.proto': 'google-proto-files/google/api/annotations.proto',
  'google/api/http.proto': 'google-proto-files/google/api/http.proto',
  'google/api/httpbody.proto': 'google-proto-files/google/api/httpbody.proto',
  'google/rpc/error_details.proto': 'google-proto-files/google/rpc/error_details.proto',
  'grpc/health/v1/health.proto': 'grpc-health-check/proto/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto',
};

nameContractFolders(root);
/** Each is generated into its own `gen/`. */
const contracts = contractFolders(root);

/** What each folder was generated from, as of the last time. */
const generated: Record<string, string> = existsSync(stamp) ? readStamp() : {};
const wanted = Object.fromEntries(contracts.map((folder) => [folder, fingerprintOf(folder)]));
const stale = contracts.filter((folder) => wanted[folder] !== generated[folder] || !existsSync(join(root, folder, 'gen')));
if (stale.length > 0 || Object.keys(generated).length !== contracts.length) {
  if (!existsSync(foreign) || stale.includes('kernel/contract')) await layOutForeignProtos();
  await Promise.all([...stale.map(generate), writeComments()]);
  writeFileSync(stamp, JSON.stringify(wanted));
}

function readStamp(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(stamp, 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

/** A contract's code follows from its own files, from the kernel's contract, which it imports, and from the generators. */
function fingerprintOf(folder: string): string {
  const hash = createHash('sha256');
  const protos = (of: string) => globSync('**/*.proto', { cwd: join(root, of) }).map((file) => join(of, file)).sort();
  const files = new Set([...protos('kernel/contract'), ...protos(folder), 'package-lock.json', 'tools/generate-contracts.ts', 'tools/print-proto.ts', 'tools/contract-comments.ts']);
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

async function layOutForeignProtos() {
  const { file_buf_validate_validate } = await import('@bufbuild/protovalidate/gen/buf/validate/validate_pb.js');
  const { printProto } = await import('./print-proto.ts');
  rmSync(foreign, { recursive: true, force: true });
  for (const [to, from] of Object.entries(imported)) {
    mkdirSync(dirname(join(foreign, to)), { recursive: true });
    copyFileSync(join(modules, from), join(foreign, to));
  }
  mkdirSync(join(foreign, 'buf/validate'), { recursive: true });
  writeFileSync(join(foreign, 'buf/validate/validate.proto'), printProto(file_buf_validate_validate));
}

/** One `gen/` per contract folder; the kernel's also holds the code of the imported protos. */
async function generate(folder: string) {
  const out = join(folder, 'gen');
  rmSync(join(root, out), { recursive: true, force: true });
  const inputs = folder === 'kernel/contract' ? [folder, 'gen/proto'] : [folder];
  for (const directory of inputs) {
    const kernel = folder === 'kernel/contract' ? [] : ['mainstay', 'google/api', 'google/rpc', 'grpc'].map((name) => `rewrite_imports=./${name}/**/*_pb.js:@mainstay/kernel/contract`);
    const opt = ['target=js+dts', 'import_extension=js', 'rewrite_imports=./buf/validate/**/*_pb.js:@bufbuild/protovalidate/gen', ...kernel];
    const template = { version: 'v2', inputs: [{ directory, ...(directory === 'gen/proto' && { exclude_paths: ['gen/proto/buf'] }) }], plugins: [{ local: [process.execPath, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es'], out, opt }] };
    await buf(['generate', '--template', JSON.stringify(template)]);
  }
}

/** The comments of the contracts, by full name, for the OpenAPI document: descriptors in generated code carry none. */
async function writeComments() {
  const { contractComments } = await import('./contract-comments.ts');
  const comments = contractComments(await buf(['build', '-o', '-#format=binpb']));
  writeFileSync(join(root, 'gen/comments.json'), JSON.stringify(comments));
}

/** Gives what `buf` wrote; what it found wrong goes to the terminal. */
async function buf(args: string[]): Promise<Buffer> {
  const child = spawn(bufProgram, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`buf ${args[0]} failed; see above`);
  return Buffer.concat(chunks);
}
