import type { Deployment } from '../module/deployment.ts';
import type { Logger } from '../telemetry/log.ts';

/** What a process is started with. */
export interface ProcessOptions {
  deployment: Deployment;
  /** Connection string of an administrator of the PostgreSQL server; its path names the deployment's database. */
  databaseUrl: string;
  /** The deployment's database, if it is not the one in the path of `databaseUrl`. */
  databaseName?: string;
  /** The deployment's own secret, 64 hexadecimal digits. */
  secret: string;
  /** Where this process may keep files: an absolute path. A module that keeps files cannot start without it. */
  dataFolder?: string;
  log: Logger;
  /** Shows a line to the operator, once; never in a log. */
  announce: (line: string) => void;
}
