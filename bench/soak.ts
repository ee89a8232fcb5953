/**
 * Whether memory stays flat under load: makes, gets and lists promises without pause, and prints the process's resident
 * memory over time, and how much it grew in an hour by the slope of the second half (least squares).
 *
 * `node bench/soak.ts [minutes] [connections]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { startMainstay } from './rest/mainstay-app.ts';
import { residentMiB } from './rest/processor-time.ts';
import { requireWrk, wrk } from './rest/wrk.ts';

const minutes = Number(process.argv[2] ?? 60);
const connections = Number(process.argv[3] ?? 64);

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const mainstay = await startMainstay(folder, postgres.adminUrl('bench'));
const samples: { hours: number; mebibytes: number }[] = [];
try {
  console.log(`${conditions()}; ${connections} connections for ${minutes} minutes\n`);
  const began = performance.now();
  let over = false;
  const load = wrk({ script: mixed(mainstay.token), address: mainstay.address, connections, seconds: Math.round(minutes * 60) }).finally(() => (over = true));
  while (!over) {
    samples.push({ hours: (performance.now() - began) / 3_600_000, mebibytes: residentMiB(mainstay.pid) });
    await Promise.race([sleep(minutes * 600), load]);
  }
  const { perSecond, p50, p99, errors, requests } = await load;
  console.log('| after min | MiB resident |\n| --- | --- |');
  for (let part = 0; part <= 10; part++) {
    const { hours, mebibytes } = samples[Math.round((samples.length - 1) * (part / 10))]!;
    console.log(`| ${(hours * 60).toFixed(1)} | ${mebibytes.toFixed(0)} |`);
  }
  console.log(`\n${requests} requests, ${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, errors ${errors}; growth in the second half: ${slope(samples.slice(samples.length >> 1)).toFixed(0)} MiB an hour`);
} finally {
  await mainstay.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** One in four is made, the others are listed, in turns by each order, or asked for wrongly. */
function mixed(token: string): string {
  return `
local n = 0
local headers = { ["authorization"] = "Bearer ${token}", ["content-type"] = "application/json" }
request = function()
  n = n + 1
  if n % 4 == 0 then return wrk.format("POST", "/v1/promises", headers, string.format('{"title":"Promise %d of the soak","tags":["soak"]}', n)) end
  if n % 4 == 1 then return wrk.format("GET", "/v1/promises?page_size=20", headers) end
  if n % 4 == 2 then return wrk.format("GET", "/v1/promises?page_size=5&order_by=due_time", headers) end
  return wrk.format("GET", "/v1/notifications", headers)
end
`;
}

/** MiB an hour. */
function slope(points: typeof samples): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(({ hours }) => hours)), mean(points.map(({ mebibytes }) => mebibytes))];
  const over = points.reduce((sum, { hours, mebibytes }) => sum + (hours - x) * (mebibytes - y), 0);
  return over / points.reduce((sum, { hours }) => sum + (hours - x) ** 2, 0);
}
