import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';

/** An application under load: a process of its own that told where it listens. */
export interface RunningApp {
  name: string;
  address: string;
  token: string;
  pid: number;
  /** Where V8's inspector listens, if Node was told to start one. */
  inspector?: string;
  stop(): Promise<void>;
}

export interface AppOptions {
  name: string;
  /** What Node runs. */
  script: string;
  args?: readonly string[];
  /** What Node itself is told. */
  nodeFlags?: readonly string[];
  environment: NodeJS.ProcessEnv;
  /** Finds address and token in a line of the process's output. */
  read: (line: Record<string, unknown>) => { address: string; token?: string } | undefined;
}

// What a benchmark started ends with it, also where somebody ends the benchmark.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

/** Starts an application and waits until it says where it listens. Throws with its last words if it ends before. */
export async function startApp({ name, script, args = [], nodeFlags = [], environment, read }: AppOptions): Promise<RunningApp> {
  const child = spawn(process.execPath, [...nodeFlags, script, ...args], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => void child.kill();
  process.setMaxListeners(0).once('exit', end);
  child.once('exit', () => process.off('exit', end));
  let said = '';
  let inspector: string | undefined;
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-2000);
    inspector ??= /Debugger listening on (ws:\S+)/.exec(said)?.[1];
  });
  const lines = createInterface({ input: child.stdout! });
  const found = await new Promise<{ address: string; token?: string }>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${said}`)));
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      const seen = read(JSON.parse(line) as Record<string, unknown>);
      if (seen) resolve(seen);
      else said = (said + line).slice(-2000);
    });
  });
  return { name, address: found.address, token: found.token ?? '', pid: child.pid!, inspector, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
