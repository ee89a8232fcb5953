/** One process of `remote-call.ts`: `serve FILE`, or `call FILE ADDRESS`; told over IPC what to measure. */
import { percentile } from '../percentile.ts';

type Echo = (text: string) => Promise<string>;
interface Contestant {
  serve(): Promise<string>;
  connect(address: string): Promise<Echo>;
}

/** What a client is asked for. */
export interface Load {
  inFlight: number;
  milliseconds: number;
}

/** What came of it. */
export interface Carried {
  calls: number;
  errors: number;
  seconds: number;
  p50: number;
  p99: number;
}

/** 260 bytes of UTF-8. */
const text = `${'x'.repeat(140)}${'é'.repeat(60)}`;

const [role, file, address] = process.argv.slice(2);
const contestant = (await import(file!)) as Contestant;
process.on('disconnect', () => process.exit());

if (role === 'serve') {
  process.send!({ address: await contestant.serve() });
  process.on('message', () => process.send!(microseconds()));
} else {
  const echo = await contestant.connect(address!);
  process.send!({});
  process.on('message', async (load: Load) => {
    const before = microseconds();
    const carried = await carry(echo, load);
    process.send!({ ...carried, micros: microseconds() - before });
  });
}

async function carry(echo: Echo, { inFlight, milliseconds }: Load): Promise<Carried> {
  const took: number[] = [];
  let errors = 0;
  const begin = performance.now();
  const end = begin + milliseconds;
  const worker = async () => {
    for (let now = performance.now(); now < end; ) {
      errors += await failed(echo);
      const then = now;
      took.push((now = performance.now()) - then);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { calls: took.length, errors, seconds: (performance.now() - begin) / 1000, p50: percentile(took, 0.5) * 1000, p99: percentile(took, 0.99) * 1000 };
}

async function failed(echo: Echo): Promise<0 | 1> {
  try {
    return (await echo(text)) === text ? 0 : 1;
  } catch {
    return 1;
  }
}

/** Processor time of this process so far, in microseconds. */
function microseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
