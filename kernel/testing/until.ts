import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds, and fails after thirty seconds: far longer than it takes, so that a loaded machine fails nothing. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'what the test waits for'): Promise<void> {
  for (const end = performance.now() + 30_000; !(await holds()); await sleep(5)) assert.ok(performance.now() < end, `not within 30 seconds: ${what}`);
}
