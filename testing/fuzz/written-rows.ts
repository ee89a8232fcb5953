import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDeployment } from '@mainstay/testing';

/**
 * Tables that tell of refused requests on purpose: the audit, the count of failed logins, how often a proof was tried, and what an
 * upload took that was refused after it came, which a job gives back.
 */
const tellOfRefusals = /_commands$|^sys_core_audit_|^sys_core_(file_usage|inbox)$|^sys_accounts_(login_attempts|logins|second_factors|registrations)$/;

/** The size and the newest transaction of each table that a request can write to. Any row that is added, changed or removed shows. */
export async function writtenRows(deployment: TestDeployment): Promise<Record<string, string>> {
  const tables = await deployment.sql<{ schema: string; name: string }>(`select schemaname as schema, tablename as name from pg_tables where schemaname ~ '^(sys|mod)_' order by 1, 2`);
  const asked = tables.filter(({ name }) => !tellOfRefusals.test(name));
  const rows = await deployment.sql<{ name: string; state: string }>(asked.map(({ schema, name }) => `select '${schema}.${name}' as name, count(*) || ' rows, last by ' || coalesce(max(xmin::text::bigint), 0) as state from "${schema}"."${name}"`).join(' union all '));
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
}

/** The same as soon as nothing changes by itself any more: events are delivered, jobs have run, and webhooks, which are looked for twice a second, were sent. */
export async function settledRows(deployment: TestDeployment): Promise<Record<string, string>> {
  for (let before = await writtenRows(deployment); ; ) {
    await sleep(700);
    const now = await writtenRows(deployment);
    if (JSON.stringify(now) === JSON.stringify(before)) return now;
    before = now;
  }
}
