import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mainstay/kernel/testing';
import { demoPassword } from '../controller/demo-logins.ts';
import type { DeploymentStatus } from '../controller/deployment-status.ts';
import { anyFreePort } from '../controller/free-port.ts';

/** The command that a person runs. */
export const script = join(import.meta.dirname, '../../mainstay');

/** A port that nothing listens on now. */
export const freePort = (): Promise<number> => anyFreePort('127.0.0.1');

/** A deployment of all modules in phase T, not started yet, in a state folder of its own; the test ends it, and others that it started there. */
export async function drillDeployment(owner: { after(end: () => void): unknown }) {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-drill-'));
  const port = await freePort();
  const file = join(home, 'drill.yaml');
  writeFileSync(file, `name: drill\nphase: T\nhttp:\n  port: ${port}\noperators:\n  port: 0\nmodules:\n  sys-core:\n  sys-accounts:\n    passwordMemoryMib: 1\n  sys-email:\n  mod-promist:\n`);
  const { DATABASE_URL: _, ...environment } = process.env;
  const env = { ...environment, MAINSTAY_HOME: home };
  const run = (args: string[], input = '') => {
    const { status, stdout, stderr } = spawnSync(script, args, { env, encoding: 'utf8', input });
    return { status, output: stdout + stderr };
  };
  const mainstay = (...args: string[]) => run(args);
  const up = (...args: string[]) => mainstay('up', '--detach', '--deployment', file, ...args);
  const status = () => (JSON.parse(mainstay('status', '--json', '--deployment', 'drill').output) as { deployments: [DeploymentStatus] }).deployments[0];
  // There is no status of a deployment before its state folder is there.
  const pid = (what: string) => (existsSync(join(home, 'drill')) ? status().processes.find((process) => process.what === what)?.pid : undefined);
  const kill = (...whats: string[]) => whats.map((what) => pid(what)!).forEach((pid) => process.kill(pid, 'SIGKILL'));
  owner.after(() => {
    for (const folder of readdirSync(home, { withFileTypes: true })) if (folder.isDirectory() && !folder.name.startsWith('.')) mainstay('down', '--deployment', folder.name);
    rmSync(home, { recursive: true, force: true });
  });
  return { home, file, port, env, run, mainstay, up, status, pid, kill };
}

export type Drill = Awaited<ReturnType<typeof drillDeployment>>;

/** Signs ada in and gives the status code. It needs the port, the guard, the module and its rows. */
export async function signIn({ port }: Drill): Promise<number> {
  const body = JSON.stringify({ email: 'ada@acme.test', password: demoPassword });
  return (await fetch(`http://localhost:${port}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
}

/** Waits until signing in works. */
export const servesAgain = (drill: Drill) => until(() => signIn(drill).then((code) => code === 200, () => false), 'it serves');
