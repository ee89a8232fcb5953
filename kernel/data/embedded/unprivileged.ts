import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { copyBinaries, type PostgresBinaries } from './postgres-binaries.ts';

/** How to run PostgreSQL, which refuses to run as root. */
export interface Runner {
  /** Put before the command. */
  prefix: string[];
  /** Whose account the process gets, where it is another one than ours. */
  account?: { uid: number; gid: number };
  native: string;
  /** Gives a folder and all in it to the account that PostgreSQL runs as. */
  own(folder: string): void;
}

const NOBODY = '65534';

/**
 * Finds a way to run PostgreSQL with the rights of this process. An ordinary account just runs it. Root (and an
 * account without a name, which initdb refuses) runs it in a user namespace that maps it to `nobody`: the files stay
 * its own, so this works below folders that only root can enter. Where user namespaces are forbidden, root runs it
 * as an existing unprivileged account.
 */
export function findRunner(binaries: PostgresBinaries, userNamespaces = true): Runner {
  const { native } = binaries;
  if (process.getuid!() !== 0 && hasName()) return { prefix: [], native, own: () => {} };
  const prefix = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];
  if (userNamespaces && spawnSync(prefix[0]!, [...prefix.slice(1), 'true']).status === 0) return { prefix, native, own: () => {} };
  if (process.getuid!() !== 0) throw new Error('the account that runs this has no name and user namespaces are forbidden here: add the account to /etc/passwd, or set DATABASE_URL');
  return asAccount(binaries);
}

function asAccount(binaries: PostgresBinaries): Runner {
  const account = findAccount();
  const native = join(tmpdir(), `mainstay-postgres-${binaries.version}`);
  copyBinaries(binaries, native);
  return {
    prefix: [],
    account,
    native,
    own(folder) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
      const entered = spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { uid: account.uid, gid: account.gid, cwd: '/' });
      if (entered.status !== 0) throw new Error(`PostgreSQL can't run as root, user namespaces are forbidden here, and the account ${account.name} may not enter ${dirname(folder)}: run as an ordinary account, keep the data in a folder that others may enter, or set DATABASE_URL`);
    },
  };
}

function findAccount(): { name: string; uid: number; gid: number } {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const row = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (!row) throw new Error('PostgreSQL refuses to run as root and no account "postgres" or "nobody" exists: run as an ordinary account, or set DATABASE_URL');
  return { name: row[0]!, uid: Number(row[2]), gid: Number(row[3]) };
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}
