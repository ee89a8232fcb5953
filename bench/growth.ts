/**
 * What it costs to get and to list promises as data grows: the same requests at 1,000, 100,000 and 5,000,000 promises
 * in 10, 100 and 10,000 orgs, of which one person always owns a tenth. The reference is the smallest size, in the same run.
 *
 * `node bench/growth.ts [seconds a measurement] [rounds] [largest size]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { startMainstay, type MainstayApp } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { getting, making, medianRun, requireWrk, wrk, type LoadResult } from './rest/wrk.ts';

const seconds = Number(process.argv[2] ?? 8);
const rounds = Number(process.argv[3] ?? 3);
const largest = Number(process.argv[4] ?? 5_000_000);
const sizes = [[1_000, 10], [100_000, 100], [5_000_000, 10_000]].filter(([promises]) => promises! <= largest) as [number, number][];
const table = 'mod_promist.mod_promist_promises';

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
let mainstay: MainstayApp | undefined;
try {
  mainstay = await startMainstay(folder, postgres.adminUrl('bench'));
  console.log(conditions());
  console.log(`64 connections, ${rounds} rounds of ${seconds} s each, the median of which is shown\n`);
  console.log('| promises | orgs | the person owns | request | requests/s | times the smallest | p50 ms | p99 ms | PostgreSQL µs/request | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const smallest = new Map<string, number>();
  for (const [promises, orgs] of sizes) {
    const ids = await grow(mainstay, promises, orgs);
    await measure(mainstay, promises, orgs, ids, smallest);
  }
} finally {
  await mainstay?.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Fills the table up to so many promises in so many orgs, and gives a thousand ids of the person's own. */
async function grow({ orgId, accountId }: MainstayApp, promises: number, orgs: number): Promise<string[]> {
  const client = new pg.Client(postgres.adminUrl('bench'));
  await client.connect();
  const began = performance.now();
  try {
    const { rows: kept } = await client.query<{ count: number }>(`select count(*)::int as count from ${table}`);
    for (let from = kept[0]!.count; from < promises; from += 500_000) {
      // One in ten is the person's; the others are spread over the orgs, five owners in each.
      await client.query(`insert into ${table} (org_id, owner_id, title, description, made_at, due_time, tags)
        select case when n % 10 = 0 then $1::uuid else md5('org' || n % $3)::uuid end, case when n % 10 = 0 then $2::uuid else md5('owner' || n % $3 || '-' || n % 5)::uuid end,
          'Promise number ' || n, 'What, why and how', now() - n * interval '1 second', now() + n * interval '1 minute', array['bench', 'group ' || n % 10]
        from generate_series($4::int, $5::int) n`, [orgId, accountId, orgs, from + 1, Math.min(from + 500_000, promises)]);
      console.error(`${Math.min(from + 500_000, promises)} promises after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }
    await client.query(`vacuum analyze ${table}`);
    await client.query('checkpoint');
    const { rows } = await client.query<{ id: string }>(`select id from ${table} where owner_id = $1 order by md5(id::text) limit 1000`, [accountId]);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

async function measure({ address, token }: MainstayApp, promises: number, orgs: number, ids: readonly string[], smallest: Map<string, number>): Promise<void> {
  const scripts: Record<string, string> = {
    'GET one': getting(token, ids.map((id) => `/v1/promises/${id}`)),
    'list 20': getting(token, ['/v1/promises?page_size=20']),
    'list 20, by due time': getting(token, ['/v1/promises?page_size=20&order_by=due_time']),
    'POST one': making(token),
  };
  for (const [request, script] of Object.entries(scripts)) {
    await wrk({ script, address, connections: 64, seconds: 2 });
    const runs: (LoadResult & { databaseMicros: number })[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = processorSeconds(postgres.pid);
      const result = await wrk({ script, address, connections: 64, seconds });
      runs.push({ ...result, databaseMicros: ((processorSeconds(postgres.pid) - before) / result.requests) * 1e6 });
    }
    const { perSecond, p50, p99, databaseMicros } = medianRun(runs);
    if (!smallest.has(request)) smallest.set(request, perSecond);
    const times = (smallest.get(request)! / perSecond).toFixed(2);
    console.log(`| ${promises} | ${orgs} | ${promises / 10} | ${request} | ${perSecond.toFixed(0)} | ${times} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${databaseMicros.toFixed(0)} | ${runs.reduce((sum, run) => sum + run.errors, 0)} |`);
  }
}
