import { once } from 'node:events';

/** A frame of a stack, as V8's inspector tells it. Its children are given by their ids. */
export interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string };
  children?: number[];
}

/** What V8's sampler saw: the innermost frame of each sample. */
export interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
}

const microsBetweenSamples = 500;

/** Samples the main thread of a process that has its inspector open, while some work runs, and not before or after. */
export async function profileWhile(inspector: string, work: () => Promise<unknown>): Promise<CpuProfile> {
  const socket = new WebSocket(inspector);
  await once(socket, 'open');
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const ask = (method: string, params: object = {}) => new Promise<unknown>((resolve) => {
    const id = waiting.size + 1;
    waiting.set(id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
  });
  try {
    await ask('Profiler.enable');
    await ask('Profiler.setSamplingInterval', { interval: microsBetweenSamples });
    await ask('Profiler.start');
    await work();
    return ((await ask('Profiler.stop')) as { profile: CpuProfile }).profile;
  } finally {
    socket.close();
  }
}
