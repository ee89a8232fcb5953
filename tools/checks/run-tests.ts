import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { startEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { secretsIn, TEST_CONNECTIONS } from '@mainstay/kernel/testing';
import { CheckFailed, root } from './check.ts';
import { endHungFiles } from './end-hung-files.ts';
import { folderInMemory } from './folder-in-memory.ts';
import { sourceFiles } from './source-files.ts';

export interface TestSelection {
  /** Only test files whose path contains it. */
  pattern?: string;
  /** Leaves out the drills: tests that start, kill and restart whole deployments, `*-drill.test.ts`. */
  quick?: boolean;
}

/** The test files that a selection names, relative to the project. */
export function findTests({ pattern = '', quick = false }: TestSelection): string[] {
  return sourceFiles(root, '.test.ts').filter((file) => file.includes(pattern) && !(quick && file.endsWith('-drill.test.ts')));
}

/** Where behaviour tests run, those first that take longest. */
const placements = ['sharded', 'replicas', 'per-module', 'sys-and-mod', 'one-process'];
/**
 * With `MAINSTAY_TEST_PROCESSES=forked` the tests of modules have processes that are programs of their own in every placement, and the tests of
 * the platform in these, where most can go wrong between processes: it takes twice as long.
 */
const whollyForked = ['sharded', 'replicas'];
/** So many of them run at once, at first one beside all other tests: both wait about as long as they compute. */
const LANES = 2;

/**
 * Runs test files with Node's own runner against one PostgreSQL of their own; its reports go to the terminal. Behaviour tests of
 * modules run once in each placement, all files of a placement in one process, so that they share its deployments.
 */
export async function runTests(files: string[]): Promise<void> {
  const temporary = folderInMemory();
  const directory = mkdtempSync(join(temporary, 'mainstay-test-'));
  const postgres = await startEmbeddedPostgres({ directory, diesWithParent: true, disposable: true, connections: TEST_CONNECTIONS });
  const environment = { ...process.env, TMPDIR: temporary, MAINSTAY_TEST_POSTGRES: postgres.adminUrl('postgres') };
  try {
    const placed = files.filter(isOfTopologies);
    const others = files.filter((file) => !placed.includes(file));
    const work = [
      ...(others.length > 0 ? [() => runOthers(others, environment)] : []),
      ...placements.flatMap((placement) => runsIn(placement, placed, environment).map(({ files: some, env }) => () => runPlaced(some, placement, env))),
    ];
    const results: Ran[] = [];
    const lane = async () => {
      for (let next = work.shift(); next; next = work.shift()) results.push(await next());
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const secrets = results.flatMap(({ output }) => secretsIn(output));
    if (secrets.length > 0) throw new CheckFailed(`the tests printed secrets:\n${secrets.join('\n')}`);
    const failed = results.filter(({ code }) => code !== 0);
    if (failed.length > 0) throw new CheckFailed(`some tests failed:\n${failed.map(({ output }) => failuresIn(output)).join('\n')}`);
  } finally {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What runs in one process each: files, and what they are told. */
function runsIn(placement: string, files: string[], env: NodeJS.ProcessEnv): { files: string[]; env: NodeJS.ProcessEnv }[] {
  if (env.MAINSTAY_TEST_PROCESSES !== 'forked' || whollyForked.includes(placement)) return files.length > 0 ? [{ files, env }] : [];
  const runs = [
    { files: files.filter((file) => !isOfPlatform(file)), env },
    { files: files.filter(isOfPlatform), env: { ...env, MAINSTAY_TEST_PROCESSES: undefined } },
  ];
  return runs.filter((run) => run.files.length > 0);
}

const isOfPlatform = (file: string): boolean => file.startsWith('testing/');

/** Whether a file has tests that run in every placement; a drill writes files that have. */
const isOfTopologies = (file: string): boolean => !file.endsWith('-drill.test.ts') && /\beveryTopology\(/.test(readFileSync(join(root, file), 'utf8'));

/** Milliseconds after which a test is taken to hang: many times what any takes, for machines that are slow or busy. */
const PATIENCE = 300_000;

/** As much of it as shows how a run ended, in characters. */
const END_OF_OUTPUT = 4000;

interface Ran {
  code: number | null;
  output: string;
}

async function runOthers(files: string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn(process.execPath, ['--test', '--test-concurrency=2', `--test-timeout=${PATIENCE}`, '--test-reporter=spec', ...files], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = outputOf(child, (part) => process.stdout.write(part));
  const unwatch = endHungFiles(child.pid!, (line) => console.log(line));
  const code = await ended(child).finally(unwatch);
  return { code, output: output() };
}

/** Its report comes in one piece, not mixed with that of another. */
async function runPlaced(files: string[], placement: string, environment: NodeJS.ProcessEnv): Promise<Ran> {
  const env = { ...environment, MAINSTAY_TEST_PLACEMENTS: placement };
  const child = spawn(process.execPath, ['--test', '--test-isolation=none', `--test-timeout=${PATIENCE}`, '--test-reporter=spec', ...files], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = outputOf(child);
  const code = await ended(child);
  process.stdout.write(output());
  return { code, output: output() };
}

/** All that a process printed until now; `say` hears of each part of it. */
function outputOf({ stdout, stderr }: ChildProcessByStdio<null, Readable, Readable>, say: (part: Buffer) => void = () => {}): () => string {
  const parts: Buffer[] = [];
  for (const stream of [stdout, stderr]) stream.on('data', (part: Buffer) => {
    parts.push(part);
    say(part);
  });
  return () => Buffer.concat(parts).toString();
}

/** What Node's runner says of failed tests when it has run all; the end of what it printed, where it did not come so far. */
function failuresIn(output: string): string {
  const summary = output.lastIndexOf('✖ failing tests:');
  return summary < 0 ? output.slice(-END_OF_OUTPUT) : output.slice(summary);
}

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
