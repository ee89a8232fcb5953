import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Check, CheckFailed, root } from './check.ts';
import { baseOfComparison } from './contract-breaking.ts';
import { unsafeStatements, type UnsafeStatement } from './migration-rules.ts';

const contracting = /^--\s*contracts:\s*(\S+)\s*$/m;

/**
 * Migrations expand first and contract in a later release, so that processes of two releases run side by side, and none
 * keeps others from writing for long. What a release contains is never changed.
 */
export const migrationSafety: Check = {
  name: 'migration safety',
  run: async (say) => {
    const base = baseOfComparison(root);
    say(base ? `against ${base}` : 'nothing was released yet');
    await checkMigrations(root, base);
  },
};

/** Throws `CheckFailed` naming each statement that is unsafe, and each migration of `base` that was changed. */
export async function checkMigrations(tree: string, base?: string): Promise<void> {
  const released = base === undefined ? new Map<string, string>() : migrationsOf(tree, base);
  const files = globSync('{modules,examples}/*/database/migrations/*.sql', { cwd: tree }).sort();
  const problems: string[] = [];
  for (const folder of new Set(files.map(dirname))) {
    const tables = new Set<string>();
    for (const file of files.filter((name) => dirname(name) === folder)) problems.push(...(await problemsOf(tree, file, released, tables)));
  }
  problems.push(...[...released.keys()].filter((file) => !files.includes(file) && files.some((name) => dirname(name) === dirname(file))).map((file) => `${file} was released and is gone: restore it`));
  if (problems.length > 0) throw new CheckFailed(problems.join('\n'));
}

async function problemsOf(tree: string, file: string, released: Map<string, string>, tables: Set<string>): Promise<string[]> {
  const sql = readFileSync(join(tree, file), 'utf8');
  const unsafe = await unsafeStatements(sql, tables).catch((error: Error) => error);
  const before = released.get(file);
  if (before !== undefined) return before === sql ? [] : [`${file} was released and is changed: restore it and add a new migration`];
  if (unsafe instanceof Error) return [`${file} is no SQL that PostgreSQL knows: ${unsafe.message}`];
  const expanding = contracting.exec(sql)?.[1];
  if (expanding === undefined) return unsafe.map((statement) => describe(file, statement));
  const source = join(dirname(file), expanding.endsWith('.sql') ? expanding : `${expanding}.sql`);
  if (!released.has(source)) return [`${file} contracts ${basename(source)}, which no release contains yet: release that one first, and add this one afterwards`];
  return unsafe.filter(({ contracting }) => !contracting).map((statement) => describe(file, statement));
}

const describe = (file: string, { line, what, contracting, instead }: UnsafeStatement) =>
  `${file}:${line} ${what}: ${instead}${contracting ? '; that migration then says "-- contracts: NNNN-what.sql", naming the one that replaced it' : ''}`;

/** The migrations that a commit contains. */
function migrationsOf(tree: string, commit: string): Map<string, string> {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: tree, encoding: 'utf8', maxBuffer: 1e9 });
  const paths = git('ls-tree', '-r', '--name-only', '-z', commit).split('\0').filter((path) => /^(modules|examples)\/[^/]+\/database\/migrations\/[^/]+\.sql$/.test(path));
  return new Map(paths.map((path) => [path, git('show', `${commit}:${path}`)]));
}
