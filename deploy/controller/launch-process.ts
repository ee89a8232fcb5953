import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AreYouThere, DeploymentSummary, Go, Report } from '@mainstay/kernel/process';
import type { LentSockets } from './held-sockets.ts';
import { lineReader, sizeOf } from './log-file.ts';
import { nodeFlags } from './node-flags.ts';
import { OperatorError } from './operator-error.ts';
import { identify, type ProcessIdentity } from './process-info.ts';
import { projectRoot } from './state-folder.ts';
import { duration } from './steps.ts';

/** How long a process may take to end its work, in milliseconds. */
const grace = 12_000;
const graceOfReplaced = 22_000;
/** How long a process may answer nothing, and how often it is asked, in milliseconds. */
const SILENCE = 2500;
const ASK_EVERY = 250;

export interface LaunchOptions {
  /** A TypeScript program that reports over its IPC channel, and its arguments. */
  program: string;
  args: string[];
  environment: NodeJS.ProcessEnv;
  log: string;
  /** What it listens on; it makes sockets of its own for the rest. */
  sockets: LentSockets;
  /** Shows a line to the operator that must not be kept. */
  announce: (line: string) => void;
  /** Once it serves, it has to answer each question whether it is there; one that is silent for too long is killed. */
  mustAnswer?: boolean;
}

/** What a process says when it serves. */
export type Ready = Extract<Report, { type: 'ready' }>;

export interface LaunchedProcess {
  identity: ProcessIdentity;
  /** Resolves when it has found the deployment file right; it then waits for `go`. */
  checked: Promise<DeploymentSummary>;
  /** Lets it start on its database. */
  go(go: Go): void;
  /** Resolves when it serves; rejects with an `OperatorError` if it ends before. */
  ready: Promise<Ready>;
  /** Resolves when it has ended, to what became of it. */
  ended: Promise<string>;
  /** Ends it: first it is asked, and killed if it does not heed. */
  stop(): Promise<void>;
  /** The same where another serves in its place already: it finishes what it has begun, however long its clients take to notice. */
  giveWay(): Promise<void>;
}

/** Starts one process of a deployment. It writes to the log, and ends by itself when this process ends. */
export function launchProcess({ program, args, environment, log, sockets, announce, mustAnswer = false }: LaunchOptions): LaunchedProcess {
  const newLines = lineReader(log, sizeOf(log));
  const output = openSync(log, 'a', 0o600);
  // A group of its own: Ctrl-C is for the controller, which stops the process before its database.
  const own: ('ignore' | 'ipc' | number)[] = ['ignore', output, output, 'ipc'];
  const child = spawn(process.execPath, [...nodeFlags, program, ...args], { cwd: projectRoot, env: { ...environment, ...sockets.environment(own.length) }, stdio: [...own, ...sockets.descriptors], detached: true });
  closeSync(output);
  let failure: string | undefined;
  const checked = Promise.withResolvers<DeploymentSummary>();
  const ended = new Promise<string>((resolve) => child.on('exit', (code, signal) => resolve(watch?.hung ? `it answered nothing for ${duration(SILENCE)}` : signal ? `killed by ${signal}` : `it ended with code ${code}`)));
  let watch: Watch | undefined;
  const ready = new Promise<Ready>((resolve, reject) => {
    child.on('message', (report: Report) => {
      if (report.type === 'checked') checked.resolve(report);
      else if (report.type === 'here') watch?.answered();
      else if (report.type === 'ready') {
        resolve(report);
        if (mustAnswer) watch ??= watchOver(child);
      }
      else if (report.type === 'announce') announce(report.line);
      else if (report.type === 'failed') failure = withoutStack(report.message);
    });
    child.on('error', reject);
    void ended.then((why) => reject(new OperatorError(failure ?? `the process did not start: ${why}\n${plainLines(newLines())}`.trim())));
  });
  ready.catch(checked.reject);
  checked.promise.catch(() => {});
  const identity = identify(child.pid!) ?? { pid: child.pid!, startTicks: 0 };
  const end = async (signal: NodeJS.Signals, within: number) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timer = new AbortController();
    await Promise.race([ended, sleep(within, undefined, { signal: timer.signal }).then(() => child.kill('SIGKILL'))]);
    timer.abort();
    await ended;
  };
  const go = (go: Go) => { if (child.connected) child.send(go); };
  return { identity, checked: checked.promise, go, ready, ended, stop: () => end('SIGTERM', grace), giveWay: () => end('SIGUSR2', graceOfReplaced) };
}

interface Watch {
  readonly hung: boolean;
  answered(): void;
}

/** Asks a process again and again whether it is there, and kills it when it answers nothing: it stands still, or turns in a circle. */
function watchOver(child: ChildProcess): Watch {
  let [unanswered, hung] = [0, false];
  const asking = setInterval(() => {
    if (unanswered++ >= SILENCE / ASK_EVERY) hung = child.kill('SIGKILL');
    else if (child.connected) child.send({ type: 'there?' } satisfies AreYouThere);
  }, ASK_EVERY);
  child.once('exit', () => clearInterval(asking));
  return { get hung() { return hung; }, answered: () => (unanswered = 0) };
}

/** The log has all of it. */
const withoutStack = (message: string) => (/\n {4}at /.test(message) ? `${message.replaceAll(/\n {4}at .*/g, '')}\n./mainstay logs tells more` : message);

/** What Node itself wrote, such as a syntax error with its place; JSON lines are the log's, and its own files help nobody. */
const plainLines = (lines: string[]) => lines.filter((line) => !/^(\{|\}| {4}at |node:internal|Node\.js v| +triggerUncaught| {4}\^$)/.test(line)).slice(0, 12).join('\n');
