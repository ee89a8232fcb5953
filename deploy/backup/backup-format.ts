import type { Phase } from '@mainstay/kernel';

/**
 * The newest version that is read. A backup of one database is of version 1, which older builds read; one of several of
 * version 2: what belongs to another database than the deployment's own names it.
 *
 * A backup is one file: a header, one zstd frame (RFC 8878) with the content, and a checksum. Header and checksum lie in
 * skippable frames of zstd, so `zstd -dc FILE` shows the content: lines of JSON, some followed by as many bytes as they
 * say. An encrypted backup is all of that inside one age file (age-encryption.org/v1): `age -d FILE` gives it.
 */
export const formatVersion = 2;

export const versionFor = (databases: number): number => (databases > 1 ? 2 : 1);

/** How the skippable frames begin. */
export const headerMagic = 0x184d2a5d;
export const checksumMagic = 0x184d2a5e;

/** The SHA-256 of all that comes before, in its frame: the last bytes of a backup. */
export const checksumLength = 8 + 32;

/** What anybody may know of a backup. */
export interface BackupHeader {
  format: 'mainstay-backup';
  version: number;
  /** The version of the platform that made it (semver.org). */
  platform: string;
  /** ISO 8601. */
  created: string;
  deployment: string;
  phase: Phase;
}

/** A module whose schema is in the backup, with the migrations that had made it. */
export interface BackedUpModule {
  module: string;
  schema: string;
  migrations: { name: string; sha256: string }[];
}

/** What a database must be before its rows can come. */
export interface BackedUpShape {
  modules: BackedUpModule[];
  /** The newest migration of the queue's own tables. */
  queue: number;
}

/** A database beside the deployment's own. */
export interface BackedUpDatabase extends BackedUpShape {
  /** Such as `mod_promist_0`; the deployment's name comes before it. */
  database: string;
  /** It is the database of a shard. */
  sharded: boolean;
}

/** Which process runs what, as the last start said. */
export interface BackedUpPlacement {
  /** The name of one in `deploy/placements/`, or the path that its file had. */
  placement: string;
  /** Its file, if it could be read. */
  text?: string;
  /** Which databases hold the rows of each module. */
  homes: Record<string, string[]>;
}

/** What has to be known before data can be restored: of the deployment's own database, and of the others. */
export interface BackedUpDeployment extends BackedUpShape {
  /** The deployment file. */
  config: string;
  /** Absent where everything runs in one process, and before there were placements. */
  placement?: BackedUpPlacement;
  databases?: BackedUpDatabase[];
  /** The deployment's own secret and those its operator put beside it, as `NAME=value` lines; only in encrypted backups. */
  secrets?: string;
}

/** A table, and the columns that are not computed from others. */
export interface TableName {
  /** Absent if it is the deployment's own. */
  database?: string;
  schema: string;
  name: string;
  columns: string[];
}

/** What a table holds. */
export interface TableContent {
  rows: number;
  /** Of all rows in PostgreSQL's text format, whatever their order; hexadecimal. */
  digest: string;
}

export interface FileContent {
  bytes: number;
  sha256: string;
}

export interface SequenceValue {
  schema: string;
  name: string;
  /** 64 bits, so in decimal digits. */
  value: string;
  /** Whether it was given out. */
  called: boolean;
}

/** Everything that the backup must hold: its last line. */
export interface Manifest {
  tables: (TableName & TableContent)[];
  files: ({ key: string } & FileContent)[];
}

/** A line of the content. Data follows its table's or file's line in pieces, up to a line that says what they must be. */
export type Frame =
  | ({ kind: 'deployment' } & BackedUpDeployment)
  | ({ kind: 'table' } & TableName)
  | { kind: 'file'; key: string }
  | { kind: 'data'; bytes: number }
  | ({ kind: 'table-end' } & TableContent)
  | ({ kind: 'file-end' } & FileContent)
  | { kind: 'sequences'; database?: string; values: SequenceValue[] }
  | ({ kind: 'end' } & Manifest);
