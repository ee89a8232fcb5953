import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ModuleState, Operations } from '@mainstay/kernel';
import type { ModuleHealthSchema } from '../contract/index.ts';

/** Work that waits longer is late: the queue does not keep up, or does not run. */
const LATE_SECONDS = 60;

/** How a module fares, by its state and by the work that waits for it; what is wrong comes with what to do. */
export async function moduleHealth(operations: Operations, { name, state, problem }: ModuleState): Promise<MessageInitShape<typeof ModuleHealthSchema>> {
  try {
    const [queue, migrations, handlers] = await Promise.all([operations.queueOf(name), operations.migrationsOf(name), operations.events.lag(name)]);
    const reasons = [
      ...(state === 'running' ? [] : [`it is ${state}${problem ? `: ${problem}` : ''}`]),
      ...(queue.deadLetters > 0 ? [`${queue.deadLetters} of its jobs or events failed for good; look with ./mainstay dead-letters list`] : []),
      ...(queue.oldestSeconds > LATE_SECONDS ? [`its oldest job or event has waited for ${Math.round(queue.oldestSeconds)} seconds; look at the log for failures, and at the load`] : []),
    ];
    const applied = migrations.map(({ name: file, appliedAt }) => ({ name: file, applyTime: timestampFromDate(appliedAt) }));
    return { healthy: reasons.length === 0, reasons, waiting: queue.waiting, oldestSeconds: queue.oldestSeconds, deadLetters: queue.deadLetters, migrations: applied, handlers };
  } catch {
    // Whoever asks how a module fares wants to hear this, not an error.
    return { healthy: false, reasons: ['the database does not answer; look at the log, and whether its server runs'] };
  }
}
