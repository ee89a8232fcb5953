import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type FileStorage, isOfRestore, readRestoreNote, removeRestoreNote, type RestoreNote, writeRestoreNote } from '@mainstay/kernel/files';
import { OperatorError } from '../controller/operator-error.ts';
import type { PlacedStorage } from './storage-of.ts';

const keysKey = 'restore/keys';
const beatMs = 2000;
/** A restore whose note stays as it is for that long was killed; it is another one's then, should it only have slept. */
const silenceMs = 5 * beatMs;

/** A restore into a storage where files are written to where they stay. */
export interface NotedRestore {
  /** Where it writes; that fails once another restore has taken the place over. */
  storage: PlacedStorage;
  /** Says that all is written and proved. Throws an `OperatorError` if another restore has taken the place over. */
  proved(): Promise<void>;
  /** Takes away again what was not there before. */
  undo(): Promise<void>;
}

/**
 * Leaves a note of what is about to be written, and under which keys, before the first of them: whatever ends the restore,
 * the next one knows what it left.
 */
export async function noteRestore(placed: PlacedStorage, deployment: string, keys: readonly string[]): Promise<NotedRestore> {
  const { made, over } = await newKeys(placed, keys);
  const note: RestoreNote = { id: randomUUID(), deployment, host: hostname(), began: new Date().toISOString(), over, beat: 0 };
  await placed.write(keysKey, Readable.from(lines(made)));
  await writeRestoreNote(placed, note);
  const heart = beating(placed, note);
  const write: FileStorage['write'] = async (key, content) => {
    heart.requireOwn();
    return placed.write(key, content);
  };
  const end = async () => {
    await heart.stop();
    await removeNote(placed);
  };
  return {
    storage: { ...placed, write },
    async proved() {
      await heart.beat();
      heart.requireOwn();
      await end();
    },
    async undo() {
      try {
        if (!heart.lost()) await removeAll(placed, made).then(end);
      } finally {
        await heart.stop();
      }
    },
  };
}

/**
 * Removes what a restore left in the storage that was killed, and nothing else; gives the note of that restore. Throws an
 * `OperatorError` if the restore still runs.
 */
export async function removeRemnant(placed: PlacedStorage, say: (detail: string) => void): Promise<RestoreNote | undefined> {
  const note = await readRestoreNote(placed);
  if (!note) return undefined;
  say('whether the restore that left a note there still runs');
  for (const end = performance.now() + silenceMs; performance.now() < end; await pause(beatMs / 4)) {
    const now = await readRestoreNote(placed);
    if (now?.id !== note.id || now.beat !== note.beat) throw new OperatorError(`${placed.place} is written to by a restore of ${note.deployment} that began at ${note.began} on ${note.host}; wait for its end`);
  }
  await removeAll(placed, createInterface({ input: await placed.read(keysKey) }));
  await removeNote(placed);
  return note;
}

const together = 32;

async function removeAll(placed: PlacedStorage, keys: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const batch: string[] = [];
  const flush = () => Promise.all(batch.splice(0).map((key) => placed.remove(key)));
  for await (const key of keys) if (batch.push(key) === together) await flush();
  await flush();
}

/** The note goes first: without it, its list of keys says nothing. */
async function removeNote(placed: PlacedStorage): Promise<void> {
  await removeRestoreNote(placed);
  await placed.remove(keysKey);
}

/** Those of the keys under which nothing lies, and whether anything lies there at all. */
async function newKeys(placed: PlacedStorage, keys: readonly string[]): Promise<{ made: Set<string>; over: boolean }> {
  const made = new Set(keys);
  let over = false;
  for await (const { key } of placed.list()) {
    if (isOfRestore(key)) continue;
    over = true;
    made.delete(key);
  }
  return { made, over };
}

function* lines(keys: Iterable<string>): Generator<Buffer> {
  for (const key of keys) yield Buffer.from(`${key}\n`);
}

/** Shows that the restore runs, and finds out whether the place is still its own. */
function beating(placed: PlacedStorage, note: RestoreNote) {
  let lost = false;
  let last = Promise.resolve();
  let count = note.beat;
  const once = async () => {
    lost ||= (await readRestoreNote(placed))?.id !== note.id;
    if (!lost) await writeRestoreNote(placed, { ...note, beat: ++count });
  };
  const beat = () => (last = last.catch(() => {}).then(once));
  // What keeps a beat from being written keeps files from being written too, and that is told.
  const timer = setInterval(() => void beat().catch(() => {}), beatMs).unref();
  return {
    beat,
    lost: () => lost,
    requireOwn() {
      if (lost) throw new OperatorError(`${placed.place} was taken over by another restore while this one stood still; nothing was restored`);
    },
    async stop() {
      clearInterval(timer);
      await last.catch(() => {});
    },
  };
}
