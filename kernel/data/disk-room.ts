import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import { connectionConfig, withClient, type AdminUrl } from './connection.ts';
import { databaseErrors } from './database-errors.ts';

const MEBIBYTE = 1024 * 1024;
/** Below this nothing is written: PostgreSQL, which ends when it can't write its log, needs the rest to keep answering. */
const LEAST = 48 * MEBIBYTE;
/** From here on it is written again. */
const ENOUGH = 64 * MEBIBYTE;
const LOOK_MILLISECONDS = 500;

const rooms = new WeakMap<object, DiskRoom>();

/** Watches the disk of a database that lies on this machine: while it is nearly full, commands are refused and reads go on. */
export class DiskRoom {
  readonly #log: Logger;
  #full = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  get isFull(): boolean {
    return this.#full;
  }

  /** Begins to watch, where the server is on this machine and lets itself be looked at. */
  async watch(adminUrl: AdminUrl, database: string): Promise<void> {
    const connection = connectionConfig(adminUrl, { database });
    if (!connection.host?.startsWith('/')) return;
    const data = await withClient(connection, dataFolder).catch(() => undefined);
    if (!data) return;
    await this.#look(data);
    this.#timer = setInterval(() => void this.#look(data), LOOK_MILLISECONDS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(data: string): Promise<void> {
    const rooms = await Promise.all([data, join(data, 'pg_wal')].map((folder) => statfs(folder).catch(() => undefined)));
    const free = Math.min(...rooms.map((room) => (room ? room.bavail * room.bsize : Infinity)));
    if (!this.#full && free < LEAST) {
      this.#log.error({ freeMebibytes: Math.floor(free / MEBIBYTE), folder: data }, 'the disk of the database is full: commands are refused until there is room, reads go on');
      this.#full = true;
    } else if (this.#full && free > ENOUGH) {
      this.#log.warn({ freeMebibytes: Math.floor(free / MEBIBYTE), folder: data }, 'the disk of the database has room again: commands go on');
      this.#full = false;
    }
  }
}

/** Lets `requireRoom` look at the disk of a module's database. */
export const watchRoom = (database: object, room: DiskRoom): void => void rooms.set(database, room);

/** Throws `DATABASE_FULL` while the disk of a module's database is full. */
export function requireRoom(database: object): void {
  if (rooms.get(database)?.isFull) throw databaseErrors.DATABASE_FULL();
}

async function dataFolder(client: pg.Client): Promise<string> {
  return (await client.query<{ data_directory: string }>('show data_directory')).rows[0]!.data_directory;
}
