import type { Logger } from '@mainstay/kernel';
import { sql } from 'kysely';
import { type HeadNote, type NoteNeeds, openHeadNote } from './head-note.ts';
import type { Noted } from './verify-chain.ts';

export interface KeeperNeeds extends NoteNeeds {
  log: Logger;
}

const PAUSE_MILLISECONDS = 1000;

/**
 * Notes the newest head that this process appended, about once a second. A head that is no longer in the chain stays
 * noted for good: what is appended behind the gap must not hide it.
 */
export class HeadKeeper {
  readonly #needs: KeeperNeeds;
  #opened: Promise<HeadNote | undefined> | undefined;
  #newest: Noted | undefined;
  #written: Noted | undefined;
  #missing = false;
  #timer: NodeJS.Timeout | undefined;
  #lastWrite = 0;
  #writing = Promise.resolve();
  #warned = false;

  constructor(needs: KeeperNeeds) {
    this.#needs = needs;
  }

  /** The head that the chain must still have. */
  async newest(): Promise<Noted | undefined> {
    this.#opened ??= this.#open();
    await this.#opened;
    return this.#newest;
  }

  /** Notes the head that was appended and committed, unless the chain no longer `holds` the newest before it. */
  async appended(head: Noted | undefined, holds: boolean): Promise<void> {
    if (!holds && !this.#missing) return this.#miss(this.#newest!);
    if (this.#missing || !head || head.sequence <= (this.#newest?.sequence ?? 0)) return;
    this.#newest = head;
    const wait = this.#lastWrite + PAUSE_MILLISECONDS - performance.now();
    if (wait <= 0 || this.#lastWrite === 0) return this.#write();
    this.#timer ??= setTimeout(() => void this.#write(), wait).unref();
  }

  /** Notes what is not noted yet. */
  async stop(): Promise<void> {
    await this.#write();
  }

  /** What a process before this one noted, too, must still be there. */
  async #open(): Promise<HeadNote | undefined> {
    const note = await openHeadNote(this.#needs).catch((error: unknown) => {
      this.#opened = undefined;
      this.#warn(error);
      return undefined;
    });
    this.#written = note && (await note.read()).head;
    this.#newest ??= this.#written;
    return note;
  }

  async #miss(head: Noted): Promise<void> {
    this.#missing = true;
    this.#needs.log.error({ sequence: head.sequence }, 'the audit no longer has an entry that was appended; ./mainstay audit verify tells more');
    await this.#write();
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastWrite = performance.now();
    return (this.#writing = this.#writing.then(() => this.#replace()).catch((error: unknown) => this.#warn(error)));
  }

  async #replace(): Promise<void> {
    const note = await this.#opened;
    if (!note || !this.#newest || this.#newest === this.#written) return;
    const { head: kept } = await note.read();
    // Of another process with the same folder.
    if (kept && !(this.#written && kept.hash.equals(this.#written.hash))) {
      if (!(await holds(this.#needs.db, kept))) this.#missing = true;
      if (this.#missing || kept.sequence >= this.#newest.sequence) return;
    }
    const head = this.#newest;
    await note.write(head);
    this.#written = head;
    this.#warned = false;
  }

  /** Says it once, until it works again. */
  #warn(error: unknown): void {
    if (!this.#warned) this.#needs.log.warn({ err: error }, 'the newest head of the audit could not be noted in the data folder');
    this.#warned = true;
  }
}

async function holds(db: NoteNeeds['db'], { sequence, hash }: Noted): Promise<boolean> {
  const { rows: [row] } = await db.read((q) => sql<{ holds: boolean }>`select sys_core_audit_holds(${sequence}, ${hash.toString('hex')}) as holds`.execute(q));
  return row!.holds;
}
