import type pg from 'pg';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { slotOf, type Slots } from './slots.ts';

/**
 * The slots that a shard owns, as this instance knows. Their database has the last word: a transaction that writes, and
 * every statement that reads, asks there. Knowing here saves the way, and tells others where to send what belongs to whom.
 */
export class OwnedSlots {
  readonly #read: () => Promise<Slots>;
  #slots: Slots;
  #refreshing: Promise<void> | undefined;
  /** Ends the connection that it looks by. */
  readonly close: () => Promise<void>;

  constructor(read: () => Promise<Slots>, slots: Slots = new Set(), close = async () => {}) {
    this.#read = read;
    this.#slots = slots;
    this.close = close;
  }

  /** What is owned, as of the last look. */
  get slots(): Slots {
    return this.#slots;
  }

  owns(orgId: string): boolean {
    return this.#slots.has(slotOf(orgId));
  }

  /** Throws `kernel.WRONG_SHARD`, with the slot, for an org whose rows lie elsewhere. */
  requireOwn(orgId: string): void {
    const slot = slotOf(orgId);
    if (!this.#slots.has(slot)) throw kernelErrors.WRONG_SHARD({ slot });
  }

  /** Looks into the database; calls that come while one looks share the look that follows it. */
  refresh(): Promise<void> {
    const before = this.#refreshing;
    const look = () => this.#read().then((slots) => void (this.#slots = slots));
    const refreshing = (before ? before.then(look, look) : look()).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = undefined;
    });
    return (this.#refreshing = refreshing);
  }
}

/** Reads what a shard's database says that it owns. */
export async function readOwnedSlots(client: Pick<pg.ClientBase | pg.Pool, 'query'>): Promise<Slots> {
  const { rows } = await client.query('select slot from mainstay.slots');
  return new Set((rows as { slot: number }[]).map(({ slot }) => slot));
}
