const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const colours: Record<string, string> = { warn: '\x1b[33m', error: '\x1b[31m', fatal: '\x1b[31m' };

interface Entry extends Record<string, unknown> {
  level?: string;
  time?: string;
  msg?: string;
  /** The process that wrote it, in a placement with several. */
  process?: string;
}

/**
 * Writes a JSON line of the log for a person: the process, time, level, message, and the rest as `key=value`.
 * A line below `least` is not shown. One that is not JSON is shown as it is, where everything is.
 */
export function formatLogLine(line: string, { colour = false, least = 'trace' } = {}): string | undefined {
  const entry = parse(line);
  if (!entry) return least === 'trace' ? line : undefined;
  const { level = 'info', time, process, msg = '', err, ...rest } = entry;
  if (levels.indexOf(level) < levels.indexOf(least)) return undefined;
  const [on, dim, off] = colour ? [colours[level] ?? '', '\x1b[2m', '\x1b[0m'] : ['', '', ''];
  const clock = time ? new Date(time).toLocaleTimeString('en-GB') : '--:--:--';
  const details = Object.entries(rest).map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('');
  return `${process === undefined ? '' : `${process} `}${dim}${clock}${off} ${on}${level.padEnd(5)}${off} ${msg}${dim}${details}${off}${describe(err)}`;
}

/** Whether a line of the log was written by a process of the placement, one of its shards or one of its replicas. */
export function isOfProcess(line: string, name: string): boolean {
  const { process = '' } = parse(line) ?? {};
  return process === name || (process.startsWith(`${name}-`) && /^(-\d+){1,2}$/.test(process.slice(name.length)));
}

function parse(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  const { stack, message } = (error ?? {}) as { stack?: string; message?: string };
  return stack || message ? `\n  ${(stack ?? message)!.replaceAll('\n', '\n  ')}` : '';
}
