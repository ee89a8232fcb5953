import { moveSlots, type SlotMove } from '../move-slots.ts';

/** Moves slots as its one argument says, in JSON, and says each step on a line: a process that a test kills. */
await moveSlots({ ...(JSON.parse(process.argv[2]!) as SlotMove), progress: (step) => void process.stdout.write(`${JSON.stringify(step)}\n`) });
