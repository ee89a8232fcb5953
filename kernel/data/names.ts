import { createHash } from 'node:crypto';

/** The roles of one module in one database. PostgreSQL knows roles per server, so their names carry the database's. */
export interface ModuleRoles {
  /** Owns the module's schema and migrates it; nobody logs in as it. */
  owner: string;
  /** Logs in at run time: reads and writes rows of the current org, changes no tables. */
  login: string;
  /** Logs in for what the guard lets see every org. */
  allOrgs: string;
}

/** A module's schema and the prefix of its tables: its name with underscores. */
export const schemaOf = (module: string): string => module.replaceAll('-', '_');

export function rolesOf(database: string, module: string): ModuleRoles {
  const base = `${database}.${schemaOf(module)}`;
  return { owner: fit(`${base}.owner`), login: fit(base), allOrgs: fit(`${base}.all_orgs`) };
}

/** Quotes an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Quotes an SQL string. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

// PostgreSQL cuts names at 63 bytes, without an error.
function fit(name: string): string {
  if (Buffer.byteLength(name) <= 63) return name;
  return `${name.slice(0, 46)}.${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}
