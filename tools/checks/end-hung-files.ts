import { readFileSync } from 'node:fs';

/** Seconds that one test file may take. A test times out by itself; what it left waiting keeps its process alive. */
const patience = 480;

/** Ends test files that take too long, of a runner process, and says which; gives the function that ends the watch. */
export function endHungFiles(runner: number, say: (line: string) => void): () => void {
  const firstSeen = new Map<number, number>();
  const timer = setInterval(() => {
    for (const pid of children(runner)) {
      const since = firstSeen.get(pid) ?? Date.now();
      firstSeen.set(pid, since);
      if (Date.now() - since < patience * 1000) continue;
      say(`${fileOf(pid)} has not ended within ${patience} seconds and is killed: something that it started still waits`);
      process.kill(pid, 'SIGKILL');
      firstSeen.delete(pid);
    }
  }, 2000);
  return () => clearInterval(timer);
}

const children = (pid: number): number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** The runner starts each file as `node … path/to/x.test.ts`. */
const fileOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).at(-1) ?? `process ${pid}`;
