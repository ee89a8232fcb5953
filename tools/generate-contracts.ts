/**
 * Generates TypeScript from every contract, into git-ignored `gen/` folders.
 * Does nothing while neither a `.proto` file nor a generator changed; `./mainstay` runs it before each start.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bufProgram } from './buf-program.ts';

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');
const foreign = join(root, 'gen/proto');
const stamp = join(root, 'gen/contracts.sha256');

/** The protos of others that ours import: taken from their npm packages, never committed. */
const imported = {
  'google/api/annotations.proto': 'google-proto-files/google/api/annotations.proto',
  'google/api/http.proto': 'google-proto-files/google/api/http.proto',
  'google/rpc/error_details.proto': 'google-proto-files/google/rpc/error_details.proto',
  'grpc/health/v1/health.proto': 'grpc-health-check/proto/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto',
};

/** Folders that hold contracts of our own, each generated into its own `gen/`. */
const contracts = ['kernel/contract', 'kernel/testing/contract', ...globSync('{modules,examples}/*/contract', { cwd: root })]
  .filter((folder) => existsSync(join(root, folder)));

const fingerprint = sourcesFingerprint();
const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint && contracts.every((folder) => existsSync(join(root, folder, 'gen')));
if (!fresh) {
  await layOutForeignProtos();
  for (const folder of contracts) generate(folder);
  await writeComments();
  writeFileSync(stamp, fingerprint);
}

function sourcesFingerprint(): string {
  const hash = createHash('sha256');
  const own = contracts.flatMap((folder) => globSync('**/*.proto', { cwd: join(root, folder) }).map((file) => join(folder, file)));
  for (const file of [...own.sort(), 'package-lock.json', 'buf.yaml', 'tools/generate-contracts.ts', 'tools/print-proto.ts', 'tools/contract-comments.ts']) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
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
function generate(folder: string) {
  const out = join(folder, 'gen');
  rmSync(join(root, out), { recursive: true, force: true });
  const inputs = folder === 'kernel/contract' ? [folder, 'gen/proto'] : [folder];
  for (const directory of inputs) {
    const kernel = folder === 'kernel/contract' ? [] : ['mainstay', 'google/api', 'google/rpc', 'grpc'].map((name) => `rewrite_imports=./${name}/**/*_pb.js:@mainstay/kernel/contract`);
    const opt = ['target=js+dts', 'import_extension=js', 'rewrite_imports=./buf/validate/**/*_pb.js:@bufbuild/protovalidate/gen', ...kernel];
    const template = { version: 'v2', inputs: [{ directory, ...(directory === 'gen/proto' && { exclude_paths: ['gen/proto/buf'] }) }], plugins: [{ local: [process.execPath, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es'], out, opt }] };
    buf(['generate', '--template', JSON.stringify(template)]);
  }
}

/** The comments of the contracts, by full name, for the OpenAPI document: descriptors in generated code carry none. */
async function writeComments() {
  const { contractComments } = await import('./contract-comments.ts');
  const comments = contractComments(buf(['build', '-o', '-#format=binpb']));
  writeFileSync(join(root, 'gen/comments.json'), JSON.stringify(comments));
}

function buf(args: string[]) {
  return execFileSync(bufProgram, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
}
