import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What is asked for, over and over. */
export interface Load {
  /** Lua that defines `request()`, as wrk takes it. */
  script: string;
  address: string;
  connections: number;
  seconds: number;
}

export interface LoadResult {
  perSecond: number;
  p50: number;
  p99: number;
  /** Answers that are not 2xx, and connections that failed. */
  errors: number;
  requests: number;
}

/** Says what is missing if the load generator `wrk` is not installed. */
export function requireWrk(): void {
  if (spawnSync('wrk', ['-v']).error) throw new Error('this benchmark needs the load generator wrk: install the Debian package wrk');
}

/** Loads an address with wrk on one thread; latencies in milliseconds. */
export async function wrk({ script, address, connections, seconds }: Load): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-wrk-'));
  try {
    const file = join(folder, 'load.lua');
    writeFileSync(file, script + report);
    const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', file, '--timeout', '20s', address]);
    const [requests, micros, p50, p99, status, socket] = /^RESULT (.*)$/m.exec(stdout)![1]!.split(' ').map(Number) as [number, number, number, number, number, number];
    return { perSecond: requests / (micros / 1e6), p50: p50 / 1000, p99: p99 / 1000, errors: status + socket, requests };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of several measurements of one thing that with the median throughput. */
export const medianRun = <R extends LoadResult>(runs: readonly R[]): R => runs.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(runs.length / 2)]!;

const report = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nRESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
`;

/** Makes promises, each with another title; with a key of its own if wanted. */
export const making = (token: string, keys = false): string => makingOfMany([token], keys);

/** The same for several people in turn. */
export const makingOfMany = (tokens: readonly string[], keys = false): string => `
local n = 0
local run = "${Math.random().toString(36).slice(2)}"
local tokens = { ${tokens.map((token) => `"Bearer ${token}"`).join(', ')} }
local headers = { ["authorization"] = tokens[1], ["content-type"] = "application/json" }
request = function()
  n = n + 1
  headers["authorization"] = tokens[n % #tokens + 1]
  ${keys ? 'headers["idempotency-key"] = run .. "-" .. n' : ''}
  return wrk.format("POST", "/v1/promises", headers, string.format('{"title":"Promise %d of the benchmark","description":"What, why and how","dueTime":"2031-05-17T12:00:00Z","tags":["bench","group %d"]}', n, n % 10))
end
`;

/** Asks for paths in turn. */
export const getting = (token: string, paths: readonly string[]): string => `
local paths = { ${paths.map((path) => `"${path}"`).join(', ')} }
local n = 0
local headers = { ["authorization"] = "Bearer ${token}" }
request = function()
  n = n % #paths + 1
  return wrk.format("GET", paths[n], headers)
end
`;
