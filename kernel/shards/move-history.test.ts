import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../data/new-id.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import type { MoveStep } from './move-slots.ts';
import { slotOf } from './slots.ts';
import { callIn, orgIn, testShards, type TestShard, type TestShards } from './testing/test-shards.ts';

const SLOTS = [3, 4, 5, 6];
const ORGS = SLOTS.flatMap((slot) => [orgIn(slot, 1), orgIn(slot, 2)]);

/** What somebody did to an org, and when they began and heard that it was done. */
interface Deed {
  org: string;
  began: number;
  ended: number;
  /** The notes that were added, or that were seen. */
  wrote?: string;
  counted?: boolean;
  saw?: Set<string>;
}

/** Calls to two shards, each sent where its org is, as those who route calls do. */
class Traffic {
  readonly history: Deed[] = [];
  readonly counters = new Map<string, string>();
  /** The longest that anybody waited, in milliseconds. */
  longest = { write: 0, read: 0 };
  stopped = false;
  readonly #shards: readonly TestShard[];
  readonly #owner = new Map<number, number>();

  constructor(shards: readonly TestShard[]) {
    this.#shards = shards;
  }

  async #send<R>(org: string, kind: 'write' | 'read', work: (shard: TestShard) => Promise<R>): Promise<R> {
    const began = performance.now();
    for (;;) {
      const at = this.#owner.get(slotOf(org)) ?? 0;
      try {
        const result = await runInCall(callIn(org), () => work(this.#shards[at]!));
        this.longest[kind] = Math.max(this.longest[kind], performance.now() - began);
        return result;
      } catch (error) {
        if (reasonOf(error) !== 'kernel.WRONG_SHARD' || performance.now() - began > 20_000) throw error;
        this.#owner.set(slotOf(org), 1 - at);
        await sleep(2);
      }
    }
  }

  async begin(): Promise<void> {
    for (const org of ORGS) {
      const id = newId();
      this.counters.set(org, id);
      await this.#send(org, 'write', ({ db }) => db.write((tx) => tx.insertInto('mod_notes_notes').values({ id, text: 'counter', version: 0 } as never).execute()));
    }
  }

  async write(org: string, n: number): Promise<void> {
    const [id, began] = [newId(), performance.now()];
    const counted = n % 3 === 0;
    await this.#send(org, 'write', ({ db }) => (n % 2 === 0 ? this.#writeSlowly(db, org, id, counted) : this.#writeAtOnce(db, org, id, counted && this.counters.get(org)!)));
    this.history.push({ org, began, ended: performance.now(), wrote: id, counted });
  }

  /** Reads, decides and writes in one transaction. */
  #writeSlowly(db: TestShard['db'], org: string, id: string, counted: boolean): Promise<unknown> {
    return db.write(async (tx) => {
      await tx.insertInto('mod_notes_notes').values({ id, text: 'note' } as never).execute();
      if (!counted) return;
      const { version } = await tx.selectFrom('mod_notes_notes').select('version').where('id', '=', this.counters.get(org)!).forUpdate().executeTakeFirstOrThrow();
      await tx.updateTable('mod_notes_notes').set({ version: version + 1 }).where('id', '=', this.counters.get(org)!).execute();
    });
  }

  /** In one way, on connections that others share. */
  async #writeAtOnce(db: TestShard['db'], org: string, id: string, counter: string | false): Promise<void> {
    const scope = db.beginCommand(callIn(org));
    await scope.write(async (tx) => {
      tx.atCommit(tx.insertInto('mod_notes_notes').values({ id, text: 'note' } as never));
      if (counter) tx.atCommit(tx.updateTable('mod_notes_notes').set(({ eb }) => ({ version: eb('version', '+', 1) })).where('id', '=', counter));
    });
    await scope.commit([]).finally(() => scope.rollback());
  }

  async read(org: string): Promise<void> {
    const began = performance.now();
    const rows = await this.#send(org, 'read', ({ db }) => db.read((q) => q.selectFrom('mod_notes_notes').select('id').execute()));
    this.history.push({ org, began, ended: performance.now(), saw: new Set(rows.map(({ id }) => id)) });
  }

  run(): Promise<unknown> {
    const write = async (from: number) => { for (let n = from; !this.stopped; n += 7) await this.write(ORGS[n % ORGS.length]!, n); };
    const read = async (from: number) => { for (let n = from; !this.stopped; n++) { await this.read(ORGS[n % ORGS.length]!); await sleep(3); } };
    return Promise.all([...[0, 1, 2, 3, 4, 5].map(write), ...[0, 3].map(read)]).finally(() => (this.stopped = true));
  }

  /** Every read saw all that had been acknowledged when it began, and nothing that nobody had begun to write when it ended. */
  checkReads(): number {
    const reads = this.history.filter(({ saw }) => saw);
    for (const { org, began, ended, saw } of reads) {
      for (const deed of this.history) {
        if (deed.org !== org || !deed.wrote) continue;
        if (deed.ended < began) assert.ok(saw!.has(deed.wrote), `a read of ${org} missed what was acknowledged ${(began - deed.ended).toFixed(1)} ms before`);
        if (deed.began > ended) assert.ok(!saw!.has(deed.wrote));
      }
    }
    return reads.length;
  }
}

async function moveInProcess({ shards }: TestShards, from: number, slots: number[], kill: (step: MoveStep | 'begun') => number | undefined): Promise<MoveStep[]> {
  const id = newId();
  const steps: MoveStep[] = [];
  const place = ({ place: { adminUrl, name: database } }: TestShard) => ({ adminUrl, database });
  const order = { id, source: place(shards[from]!), target: place(shards[1 - from]!), toShard: 1 - from, slots, removeAfterMilliseconds: 20 };
  for (let isDone = false; !isDone;) {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./testing/mover-process.ts', import.meta.url)), JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const later = (step: MoveStep | 'begun') => {
      const milliseconds = kill(step);
      if (milliseconds !== undefined) setTimeout(() => child.kill('SIGKILL'), milliseconds);
    };
    later('begun');
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const step of text.trim().split('\n').map((line) => JSON.parse(line) as MoveStep)) {
        steps.push(step);
        later(step);
      }
    });
    const code = await ended;
    assert.ok(code === 0 || code === null, `the mover ended with ${code}`);
    isDone = code === 0;
  }
  return steps;
}

/** What both databases hold at the end agrees with what everybody was told. */
async function checkEnd({ shards }: TestShards, { history, counters }: Traffic): Promise<void> {
  const rows = (await Promise.all(shards.map(({ place }) => place.sql<{ id: string; org_id: string; version: number; at: string }>('select id, org_id, version, current_database() as at from mod_notes.mod_notes_notes')))).flat();
  const byId = Map.groupBy(rows, ({ id }) => id);
  const written = history.flatMap(({ wrote }) => wrote ?? []);
  for (const id of written) assert.equal(byId.get(id)?.length, 1, `a note that was acknowledged is there ${byId.get(id)?.length ?? 0} times`);
  assert.equal(rows.length, written.length + ORGS.length, 'what nobody wrote is there');
  for (const [org, id] of counters) assert.equal(byId.get(id)![0]!.version, history.filter((deed) => deed.org === org && deed.counted).length, `the counter of ${org}`);
  const owned = await Promise.all(shards.map(({ place }) => place.sql<{ slot: number }>('select slot from mainstay.slots')));
  assert.deepEqual(owned.flat().map(({ slot }) => slot).sort((a, b) => a - b), Array.from({ length: 256 }, (_, slot) => slot));
}

async function underTraffic(t: TestContext, moves: (shards: TestShards) => AsyncGenerator<MoveStep[]>): Promise<void> {
  const all = await testShards(t, 2);
  const traffic = new Traffic(all.shards);
  await traffic.begin();
  const running = traffic.run();
  running.catch(() => {});
  const steps: MoveStep[] = [];
  try {
    for await (const made of moves(all)) {
      steps.push(...made);
      if (traffic.stopped) break;
    }
  } finally {
    traffic.stopped = true;
    await running;
  }
  await checkEnd(all, traffic);
  const reads = traffic.checkReads();
  const held = steps.flatMap((step) => (step.step === 'moved' && step.heldMilliseconds > 0 ? [step.heldMilliseconds] : []));
  t.diagnostic(`${traffic.history.length - reads} writes, ${reads} reads, ${held.length} times handed over; writes were held for at most ${Math.max(...held).toFixed(0)} ms; the longest write took ${traffic.longest.write.toFixed(0)} ms, the longest read ${traffic.longest.read.toFixed(0)} ms`);
  assert.ok(held.length > 0);
}

test('while slots move to and fro no write is lost or doubled, and every read sees all that was acknowledged', (t) => underTraffic(t, async function* (all) {
  for (let i = 0; i < 6; i++) yield moveInProcess(all, i % 2, SLOTS.slice(0, 1 + (i >> 1)), () => undefined);
}));

test('a mover that is killed, wherever it stands, is gone on with, and nothing is lost or doubled', (t) => underTraffic(t, async function* (all) {
  for (let i = 0; i < 6; i++) {
    let kills = 3;
    yield moveInProcess(all, i % 2, SLOTS, (step) => {
      if (kills <= 0) return undefined;
      // Now in the middle of a start, now right behind a step or a little later.
      if (step === 'begun') return i % 3 === 0 && kills-- > 0 ? 150 + 250 * Math.random() : undefined;
      if (step.step === 'moved' || Math.random() < 0.25) return kills-- > 0 ? 30 * Math.random() : undefined;
      return undefined;
    });
  }
}));
