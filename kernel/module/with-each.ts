import type { CommandTools } from './define-module.ts';

/** How to tell of what is done with several things: as `result` in JSON, a line each else. */
export interface Told {
  result: string;
  line: (id: string) => string;
  /** Such as `removed`. */
  done: string;
}

/** Does something with each of several things. Those that it fails for are told, and it throws at the end if there were any. */
export async function withEach(cli: CommandTools, ids: readonly string[], work: (id: string) => Promise<unknown>, { result, line, done }: Told): Promise<void> {
  const succeeded: string[] = [];
  const problems: { id: string; reason: string }[] = [];
  for (const id of ids) {
    try {
      await work(id);
      succeeded.push(id);
      if (!cli.json) cli.print(line(id));
    } catch (error) {
      if (ids.length === 1) throw error;
      problems.push({ id, reason: (error as { rawMessage?: string }).rawMessage ?? (error as Error).message });
      if (!cli.json) cli.print(`${id} not ${done}: ${problems.at(-1)!.reason}`);
    }
  }
  if (cli.json) cli.print(JSON.stringify({ [result]: succeeded, problems }, null, 2));
  if (problems.length > 0) throw new Error(`${problems.length} of ${ids.length} were not ${done}`);
}
