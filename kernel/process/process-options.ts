import type { Deployment } from '../module/deployment.ts';
import type { Placement } from '../placement/placement.ts';
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
  /** Which process runs which module; everything runs in this one if absent. */
  placement?: Placement;
  /** The instance of the placement that this process is. */
  instance?: string;
  /** Where each instance is called by the others, this one included, by its name: `http://127.0.0.1:40001`. */
  peers?: Readonly<Record<string, string>>;
  /** Connection strings of administrators, as `databaseUrl`, of those databases of the placement that another server has; by `Instance.database`. */
  databases?: Readonly<Record<string, string>>;
  /** Another process serves in the place of this one until all of this one has started: it takes no calls of other processes before. */
  succeeds?: boolean;
  /** Most connections to the database for usual work; 84 if absent. */
  connections?: number;
}
