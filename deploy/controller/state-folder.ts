import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of the project. */
export const projectRoot = join(import.meta.dirname, '../..');

/** Where a deployment keeps everything that is its own. */
export interface StateFolder {
  name: string;
  directory: string;
  /** The folder of the embedded PostgreSQL. */
  postgres: string;
  /** The files that people and modules put into the deployment. */
  dataFiles: string;
  /** The deployment's own secret and those its operator added, as `NAME=value` lines. */
  secrets: string;
  /** The port that was chosen for operators. */
  operatorsPort: string;
  /** The placement of the last start, and where it keeps the rows of each module. */
  placement: string;
  /** What a running controller is asked to restart. */
  restart: string;
  /** What runs now. */
  run: string;
  /** JSON lines. */
  log: string;
  /** Who is signed in on the command line. */
  sessions: string;
}

const home = () => resolve(process.env.MAINSTAY_HOME || join(projectRoot, '.mainstay'));

/** The state folder of a deployment, there or not; in `.mainstay/`, or where `MAINSTAY_HOME` says. */
export function stateFolder(name: string): StateFolder {
  const directory = join(home(), name);
  return { name, directory, postgres: join(directory, 'postgres'), dataFiles: join(directory, 'data-files'), secrets: join(directory, 'secrets.env'), operatorsPort: join(directory, 'operators-port'), placement: join(directory, 'placement.json'), restart: join(directory, 'restart.json'), run: join(directory, 'run.json'), log: join(directory, 'log'), sessions: join(directory, 'sessions.json') };
}

/** Makes the folder if it is absent; nobody else may enter it. */
export const makeStateFolder = ({ directory }: StateFolder) => void mkdirSync(directory, { recursive: true, mode: 0o700 });

/** Every deployment that was ever started from here; not what a restore keeps beside them, behind a dot. */
export const stateFolders = (): StateFolder[] =>
  existsSync(home()) ? readdirSync(home(), { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => stateFolder(entry.name)) : [];
