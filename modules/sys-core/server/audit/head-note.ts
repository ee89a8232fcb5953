import { randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentTime, type Database, type DeploymentInfo } from '@mainstay/kernel';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Tables } from '../../database/tables.ts';
import { createSealer } from './audit-chain.ts';
import type { Noted } from './verify-chain.ts';

export interface NoteNeeds {
  db: Database<Tables>;
  deployment: Pick<DeploymentInfo, 'secret' | 'dataFolder'>;
}

/** A head of the chain that was noted, or why there is none to compare with. */
export type ReadNote = { head: Noted; none?: undefined } | { head?: undefined; none: string };

/** A head of the chain, kept outside of the database that it is the head in. */
export interface HeadNote {
  read(): Promise<ReadNote>;
  /** Replaces what was noted, whole or not at all; throws what the file system throws. */
  write(head: Noted): Promise<void>;
}

const hexadecimal = z.string().regex(/^[0-9a-f]{64}$/).transform((text) => Buffer.from(text, 'hex'));
const noted = z.object({ sequence: z.int().positive(), hash: hexadecimal, time: z.iso.datetime().transform((text) => new Date(text)), mac: hexadecimal });

/** The note in the process's data folder, sealed for this database: a copy that was restored elsewhere is another one. Undefined if the process has no such folder. */
export async function openHeadNote({ db, deployment }: NoteNeeds): Promise<HeadNote | undefined> {
  const folder = folderOf(deployment);
  if (folder === undefined) return undefined;
  const file = join(folder, 'audit-head.json');
  const seal = createSealer(deployment.secret, `mainstay sys-core audit head of ${await identityOf(db)}`);
  return {
    async read() {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : error));
      if (text === undefined) return { none: `no head was noted yet in ${file}` };
      if (text instanceof Error) return { none: `${file} can not be read: ${text.message}` };
      const note = parse(text);
      if (!note || !timingSafeEqual(note.mac, seal(note))) return { none: `the head in ${file} was not noted for this database with this deployment's secret` };
      return { head: note };
    },
    async write({ sequence, hash }) {
      const time = currentTime();
      const text = JSON.stringify({ sequence, hash: hash.toString('hex'), time, mac: seal({ sequence, hash, time }).toString('hex') });
      const beside = `${file}.${randomUUID()}`;
      try {
        await writeFile(beside, text, { mode: 0o600, flush: true });
        await rename(beside, file);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
  };
}

function folderOf(deployment: NoteNeeds['deployment']): string | undefined {
  try {
    return deployment.dataFolder;
  } catch {
    return undefined;
  }
}

function parse(text: string): z.infer<typeof noted> | undefined {
  try {
    return noted.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Tells a database from each other one, its own copies too. */
async function identityOf(db: Database<Tables>): Promise<string> {
  const { rows: [row] } = await db.read((q) =>
    sql<{ identity: string }>`select system_identifier || '/' || (select oid from pg_catalog.pg_database where datname = current_database()) as identity from pg_catalog.pg_control_system()`.execute(q));
  return row!.identity;
}
