import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** Processor time that a process and its children, those that ended included, have used, in seconds (proc_pid_stat(5): utime, stime, cutime, cstime). */
export function processorSeconds(pid: number): number {
  const ticks = new Map<number, { parent: number; used: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat) ticks.set(Number(name), stat);
  }
  const within = (each: number): boolean => each === pid || (ticks.has(each) && within(ticks.get(each)!.parent));
  return [...ticks].filter(([each]) => within(each)).reduce((sum, [, { used }]) => sum + used, 0) / ticksPerSecond;
}

/** Processor time of those children of this process that have ended, in seconds. */
export function endedChildrenSeconds(): number {
  const [user, system] = fieldsOf('self').slice(13, 15);
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** Resident memory of a process, in MiB. */
export const residentMiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

function statOf(pid: string): { parent: number; used: number } | undefined {
  try {
    const fields = fieldsOf(pid);
    return { parent: Number(fields[1]), used: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

/** From the state on, which is the third of proc_pid_stat(5). */
function fieldsOf(pid: string): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
