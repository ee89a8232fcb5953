import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { CheckFailed, root } from './check.ts';
import { endHungFiles } from './end-hung-files.ts';
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

/** Runs test files with Node's own runner against one PostgreSQL of their own; its report goes to the terminal. */
export async function runTests(files: string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
  const postgres = await startEmbeddedPostgres({ directory, diesWithParent: true });
  try {
    const options = ['--test', '--test-concurrency=2', '--test-timeout=120000', '--test-reporter=spec'];
    const env = { ...process.env, MAINSTAY_TEST_POSTGRES: postgres.adminUrl('postgres') };
    const child = spawn(process.execPath, [...options, ...files], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    const unwatch = endHungFiles(child.pid!, (line) => console.log(line));
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve)).finally(unwatch);
    if (code !== 0) throw new CheckFailed('some tests failed; they are listed above');
  } finally {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
