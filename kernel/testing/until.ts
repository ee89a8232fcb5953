import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** What there may be to see where something holds: neither false nor nothing. */
type Seen<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

/**
 * Looks until it sees something that holds, and gives that. Fails after a minute, far longer than it takes, so that a
 * loaded machine fails no test. It pauses for a fifth of what it has waited, from 5 to 100 ms: little is lost, and
 * looking does not load the machine itself. `what` is what does not hold if it fails, in words.
 */
export async function until<T>(look: () => T | Promise<T>, what: string | (() => string) = 'what the test waits for'): Promise<Seen<T>> {
  const end = performance.now() + 60_000;
  for (let pause = 5; ; pause = Math.min(pause * 1.2, 100)) {
    const seen = await look();
    if (seen) return seen as Seen<T>;
    assert.ok(performance.now() < end, `not within a minute: ${typeof what === 'string' ? what : what()}`);
    await sleep(pause);
  }
}
