import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { contractFolders } from '../contract-folders.ts';
import { buf } from './buf.ts';
import { type Check, root } from './check.ts';

const foreign = 'gen/proto';
/** Everything in one folder: two workspaces can be compared only if they have equally many modules. */
const rules = JSON.stringify({ version: 'v2', modules: [{ path: '.' }], breaking: { use: ['FILE'], ignore: ['google', 'grpc', 'buf'] } });

/** Contracts only grow: nothing that a client relies on changed since the base of comparison. */
export const contractBreaking: Check = {
  name: 'contract compatibility',
  run: async (say) => {
    const base = baseOfComparison(root);
    if (!base) return say('nothing to compare with: this is the first commit');
    say(`against ${base}`);
    await compareContracts(root, base);
  },
};

/** Names the commit whose contracts clients may rely on until there is a release. */
const agreed = 'tools/contract-base';

/** `MAINSTAY_CONTRACT_BASE`, else the newest release, else the commit that `tools/contract-base` names, else the parent commit. */
export function baseOfComparison(tree: string, wanted = process.env.MAINSTAY_CONTRACT_BASE): string | undefined {
  if (wanted) return wanted;
  const newestRelease = git(tree, 'tag', '--list', 'v*', '--sort=-version:refname')?.split('\n')[0];
  if (newestRelease) return newestRelease;
  const commit = existsSync(join(tree, agreed)) ? readFileSync(join(tree, agreed), 'utf8').trim() : '';
  if (/^[0-9a-f]{40}$/.test(commit) && git(tree, 'cat-file', '-t', commit) === 'commit') return commit;
  return (git(tree, 'rev-parse', '--verify', '--quiet', 'HEAD^') && 'HEAD^') || undefined;
}

/** Throws `CheckFailed` naming each change that would break a client built for the contracts of `base`. */
export async function compareContracts(tree: string, base: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-contracts-'));
  try {
    const [before, now] = [join(folder, 'before'), join(folder, 'now')];
    layOut(checkOut(tree, base, join(folder, 'base')), before);
    layOut(tree, now);
    await buf(['breaking', now, '--against', before], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkOut(tree: string, commit: string, to: string): string {
  mkdirSync(to);
  const paths = execFileSync('git', ['ls-tree', '-r', '--name-only', '-z', commit], { cwd: tree, encoding: 'utf8' }).split('\0').filter((path) => path.endsWith('.proto'));
  for (const path of paths) {
    mkdirSync(join(to, dirname(path)), { recursive: true });
    writeFileSync(join(to, path), execFileSync('git', ['show', `${commit}:${path}`], { cwd: tree }));
  }
  return to;
}

/** Puts the contracts of a tree, and those of others that they import, into one folder. */
function layOut(tree: string, to: string) {
  mkdirSync(to);
  writeFileSync(join(to, 'buf.yaml'), rules);
  for (const from of [...contractFolders(tree).map((path) => join(tree, path)), join(root, foreign)]) {
    if (existsSync(from)) cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('/gen') });
  }
}

function git(tree: string, ...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: tree, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
