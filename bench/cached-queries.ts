/**
 * What it saves to keep an answer until a command changes what it tells of: names of people, which every promise to
 * somebody shows (`FindAccounts` by id), with and without the cache, with a command between every so many questions.
 *
 * `node bench/cached-queries.ts [seconds a measurement]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, type ModuleDatabase } from '../kernel/data/create-database.ts';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { migrate } from '../kernel/data/migrate.ts';
import { provision } from '../kernel/data/provision.ts';
import { runInCall } from '../kernel/guard/call.ts';
import { findAccounts } from '../modules/sys-accounts/server/find-accounts.ts';
import { registerPerson } from '../modules/sys-accounts/server/register-person.ts';
import { addMember } from '../modules/sys-accounts/server/members.ts';
import type { Tables } from '../modules/sys-accounts/database/tables.ts';
import { conditions } from './conditions.ts';

const seconds = Number(process.argv[2] ?? 3);
const secret = 'a'.repeat(64);
const people = 200;
const atOnce = 32;

const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const place = { adminUrl: postgres.adminUrl('bench'), database: 'bench', secret };
await provision({ ...place, modules: ['sys-accounts'] });
await migrate({ ...place, module: 'sys-accounts', migrations: new URL('../modules/sys-accounts/database/migrations/', import.meta.url) });
const db = createDatabase<Tables>({ ...place, module: 'sys-accounts' });
/** The same tables, with nothing kept. */
const uncached: ModuleDatabase<Tables> = Object.assign(Object.create(db) as ModuleDatabase<Tables>, { readCached: (_query: unknown, work: never) => db.read(work) });

try {
  const { orgId, ids } = await fill();
  console.log(conditions());
  console.log(`FindAccounts by id in an org of ${people} people, ${atOnce} at once\n\n| people asked for | a change after every | without the cache, answers/s | with it, answers/s | ratio | CPU µs without | CPU µs with |\n| --- | --- | --- | --- | --- | --- | --- |`);
  for (const count of [1, 20]) {
    for (const every of [Infinity, 1000, 100, 10, 1]) {
      const [without, kept] = [await measure(uncached, orgId, ids, count, every), await measure(db, orgId, ids, count, every)];
      console.log(`| ${count} | ${every === Infinity ? 'never' : `${every} questions`} | ${without.perSecond.toFixed(0)} | ${kept.perSecond.toFixed(0)} | ${(kept.perSecond / without.perSecond).toFixed(1)} | ${without.micros.toFixed(0)} | ${kept.micros.toFixed(0)} |`);
    }
  }
} finally {
  await db.close();
  await postgres.stop();
  rmSync(folder, { recursive: true });
}

function asModule<T>(orgId: string, work: () => Promise<T>): Promise<T> {
  return runInCall({ principal: { kind: 'module', module: 'mod-promist', orgId }, traceId: '0'.repeat(32) }, work);
}

async function fill(): Promise<{ orgId: string; ids: string[] }> {
  return db.write(async (tx) => {
    const org = await tx.insertInto('sys_accounts_orgs').values({ name: 'Bench', creator_id: null }).returning('id').executeTakeFirstOrThrow();
    const ids: string[] = [];
    for (let number = 0; number < people; number++) {
      const id = (await registerPerson(tx, { email: `person${number}@bench.test`, displayName: `Person ${number}`, passwordHash: '' }))!;
      await addMember(tx, org.id, id, 'USER');
      ids.push(id);
    }
    return { orgId: org.id, ids };
  });
}

async function measure(tables: ModuleDatabase<Tables>, orgId: string, ids: string[], count: number, every: number) {
  let asked = 0;
  const one = async () => {
    const from = asked++;
    if (from % every === every - 1) await change(orgId, ids[from % ids.length]!);
    // Of twenty the same ten sets, as the pages of a list are.
    const start = count === 1 ? from % ids.length : (from % 10) * count;
    await findAccounts(tables, { accountIds: ids.slice(start, start + count), emails: [] } as never);
  };
  const run = async (milliseconds: number) => {
    asked = 0;
    const [cpu, start, until] = [process.cpuUsage(), performance.now(), performance.now() + milliseconds];
    await Promise.all(Array.from({ length: atOnce }, () => asModule(orgId, async () => {
      while (performance.now() < until) {
        await one();
        // A kept answer takes no turn of the event loop; another caller's request would.
        if (asked % 50 === 0) await new Promise(setImmediate);
      }
    })));
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: asked / ((performance.now() - start) / 1000), micros: (user + system) / asked };
  };
  await run(500);
  return run(seconds * 1000);
}

/** A person changes their name. */
function change(orgId: string, id: string): Promise<void> {
  return asModule(orgId, () => db.write(async (tx) => {
    await tx.updateTable('sys_accounts_accounts').set({ display_name: `Person ${Math.random()}` }).where('id', '=', id).execute();
    tx.changed(id);
  }));
}
