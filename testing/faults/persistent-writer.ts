import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultyDeployment } from './faulty-deployment.ts';

/** What a writer was told took effect. */
export interface Acknowledged {
  id: string;
  /** The title, and the idempotency key of its command. */
  key: string;
  fulfilled: boolean;
  reminderId?: string;
}

/**
 * Makes promises as a careful client does: each command has a key, and is sent again until it is answered.
 * Remembers everything that was acknowledged; an answer that no repeat should get is kept as a complaint.
 */
export class PersistentWriter {
  readonly acknowledged: Acknowledged[] = [];
  readonly complaints: string[] = [];
  readonly #deployment: FaultyDeployment;
  #token = '';

  constructor(deployment: FaultyDeployment) {
    this.#deployment = deployment;
  }

  async writeUntil(done: () => boolean): Promise<void> {
    for (let turn = 0; !done() && !this.#deployment.stopped; turn++) await this.#makeOne(turn);
  }

  async #makeOne(turn: number): Promise<void> {
    const key = crypto.randomUUID();
    const reminders = turn % 3 === 0 ? [{ time: new Date(Date.now() + 12_000 + Math.random() * 3000).toISOString() }] : [];
    const made = (await this.#insist('/v1/promises', key, { title: key, reminders })) as { id: string; title: string; reminders?: { id: string }[] } | undefined;
    // Nothing was kept of it: its reminder's time came before it was heard.
    if (!made) return;
    if (made.title !== key) this.complaints.push(`the answer to ${key} is that of another command: ${made.title}`);
    const entry: Acknowledged = { id: made.id, key, fulfilled: false, ...(reminders.length > 0 && { reminderId: made.reminders![0]!.id }) };
    this.acknowledged.push(entry);
    if (turn % 3 !== 1) return;
    if (await this.#insist(`/v1/promises/${made.id}:fulfill`, `${key}-fulfill`, {})) entry.fulfilled = true;
  }

  /** Sends a command until it is answered well; gives nothing if it is refused because its time has passed. */
  async #insist(path: string, key: string, body: object): Promise<unknown> {
    for (; !this.#deployment.stopped; await sleep(20)) {
      try {
        this.#token ||= await this.#deployment.token();
        const response = await this.#deployment.fetch(path, { token: this.#token, key, body, withinMilliseconds: 5000 });
        if (response.ok) return await response.json();
        const text = await response.text();
        if (response.status === 401) this.#token = '';
        else if (text.includes('must be in the future')) return undefined;
        else if (response.status < 500 && response.status !== 409 && response.status !== 429) return this.complaints.push(`${path} was answered with ${response.status}: ${text}`) && undefined;
      } catch {
        // Nobody was there, or nobody answered: it may have taken effect or not.
      }
    }
    return undefined;
  }
}
