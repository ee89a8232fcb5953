import { cpus, loadavg, totalmem } from 'node:os';

/** What a benchmark ran on, and how busy the machine was before it. */
export const conditions = (): string =>
  `${cpus()[0]!.model}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; load before ${loadavg()[0]!.toFixed(1)}`;
