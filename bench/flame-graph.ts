/**
 * Where the processor time of a request over REST goes: draws `docs/benchmarks/flame-graph-{get,post,list}.svg` and prints
 * a budget for each stage. What a request costs is measured first, without the profiler; the profiler then says how that
 * is shared out. PostgreSQL keeps statistics of its statements throughout.
 *
 * `node bench/flame-graph.ts [get|post|list] [seconds]`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { budgetTable, statementsTable } from './rest/budget.ts';
import { callTree } from './rest/call-tree.ts';
import { profileWhile } from './rest/cpu-profile.ts';
import { fill } from './rest/fill.ts';
import { flameSvg } from './rest/flame-svg.ts';
import { startMainstay, type MainstayApp } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { forgetStatements, loadStatistics, openStatistics, topStatements } from './rest/top-statements.ts';
import { getting, making, requireWrk, wrk } from './rest/wrk.ts';

const requests: Record<string, { title: string; script: (token: string, ids: string[]) => string }> = {
  get: { title: 'GET one promise', script: (token, ids) => getting(token, ids.map((id) => `/v1/promises/${id}`)) },
  post: { title: 'POST a promise', script: (token) => making(token) },
  list: { title: 'list 20 promises', script: (token) => getting(token, ['/v1/promises?page_size=20']) },
};
const kind = process.argv[2] ?? 'get';
const seconds = Number(process.argv[3] ?? 6);
const connections = 64;
const chosen = requests[kind];
if (!chosen) throw new Error(`there is no request ${kind}: choose ${Object.keys(requests).join(', ')}`);

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const directory = join(folder, 'pg');
let postgres = await startEmbeddedPostgres({ directory, diesWithParent: true });
let mainstay: MainstayApp | undefined;
try {
  await loadStatistics(postgres.adminUrl('postgres'));
  await postgres.stop();
  postgres = await startEmbeddedPostgres({ directory, diesWithParent: true });
  await openStatistics(postgres.adminUrl('postgres'));
  const url = postgres.adminUrl('bench');
  mainstay = await startMainstay(folder, url, '', [...nodeFlags, '--inspect=127.0.0.1:0']);
  const ids = await fill(url, 'mod_promist.mod_promist_promises', mainstay, 20_000);
  await analyse(mainstay, chosen.title, chosen.script(mainstay.token, ids));
} finally {
  await mainstay?.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function analyse({ address, pid, inspector }: MainstayApp, title: string, script: string): Promise<void> {
  const load = { script, address, connections };
  await wrk({ ...load, seconds: Math.min(4, seconds) });
  const statistics = postgres.adminUrl('postgres');
  await forgetStatements(statistics);
  const before = [processorSeconds(pid), processorSeconds(postgres.pid)] as const;
  const result = await wrk({ ...load, seconds });
  const per = (used: number) => (used / result.requests) * 1e6;
  const cost = { app: per(processorSeconds(pid) - before[0]), database: per(processorSeconds(postgres.pid) - before[1]) };
  const statements = await topStatements(statistics, 8);
  const tree = callTree(await profileWhile(inspector!, () => wrk({ ...load, seconds })));
  writeFileSync(join(import.meta.dirname, `../docs/benchmarks/flame-graph-${kind}.svg`), flameSvg(tree, `${title}: ${cost.app.toFixed(0)} µs of the process's processor time`));
  console.log(`${conditions()}\n`);
  console.log(`### ${title}\n\n${connections} connections, ${seconds} s: ${result.perSecond.toFixed(0)} requests/s, p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms, errors ${result.errors}\n`);
  console.log(`${budgetTable(tree, cost)}\n\n${statementsTable(statements, result.requests)}\n`);
}
