import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Who chose a port listens there within this time, in milliseconds. */
const RESERVED_MILLISECONDS = 60_000;
const LOWEST = 10_000;
const LEAST_TO_CHOOSE_FROM = 2000;

/**
 * From where to where, exclusive, ports are chosen: below those that the system gives to whoever listens on any. A process that
 * shares its port (SO_REUSEPORT) with others would share one that the system gave away meanwhile, too.
 */
export function chosenHere(): [from: number, to: number] {
  const [first, last] = rangeOfSystem();
  return first - LOWEST >= LEAST_TO_CHOOSE_FROM ? [LOWEST, first] : [first, last + 1];
}

/** Takes a port until its process listens there; whether nobody else did. Where nothing can be kept, any port is as good as another. */
export function reservePort(port: number): boolean {
  const folder = ownFolder();
  if (folder === undefined) return true;
  try {
    for (const name of readdirSync(folder)) removeOld(join(folder, name));
    closeSync(openSync(join(folder, String(port)), 'wx', 0o600));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EEXIST';
  }
}

/** Where this user's reservations lie; nothing if somebody else put something there, for whoever may write to `/tmp` chooses what it leads to. */
function ownFolder(): string | undefined {
  const { uid } = userInfo();
  const folder = join(tmpdir(), `mainstay-ports-${uid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === uid ? folder : undefined;
  } catch {
    return undefined;
  }
}

function removeOld(file: string): void {
  const modified = lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  if (Date.now() - modified > RESERVED_MILLISECONDS) rmSync(file, { force: true });
}

/** What Linux gives to whoever wants any (ip(7), ip_local_port_range); what it is by default elsewhere. */
function rangeOfSystem(): [first: number, last: number] {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    return [first!, last!];
  } catch {
    return [32_768, 60_999];
  }
}
