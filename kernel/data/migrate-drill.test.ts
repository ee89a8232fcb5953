import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { connectionConfig, withClient } from './connection.ts';
import { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { migrate } from './migrate.ts';
import { provision } from './provision.ts';
import { lockShape } from './shape-lock.ts';

const database = 'upgrade';
const module = 'mod-notes';
const files = 150;
const kills = 21;
const indexEvery = 10;

const number = (index: number) => String(index).padStart(4, '0');

/** Two effects with a pause between them; some build an index beside the writers. */
function writeMigrations(folder: string) {
  writeFileSync(join(folder, '0001-notes.sql'), 'create table mod_notes_notes (n int not null, half text not null); create table mod_notes_many (n int); insert into mod_notes_many select generate_series(1, 100000)');
  for (let index = 2; index <= files; index++) {
    const sql = index % indexEvery === 0
      ? `-- outside a transaction\ncreate index concurrently if not exists mod_notes_index_${index} on mod_notes_many (n);\n`
      : `insert into mod_notes_notes values (${index}, 'first'); create table mod_notes_${index} (); select pg_sleep(0.02); insert into mod_notes_notes values (${index}, 'second');`;
    writeFileSync(join(folder, `${number(index)}-step.sql`), sql);
  }
}

test('an upgrade that is killed with its database, anywhere and again and again, goes on where it stood', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-upgrade-'));
  let postgres = await startEmbeddedPostgres({ directory, diesWithParent: true });
  t.after(async () => { await postgres.stop(); rmSync(directory, { recursive: true, force: true }); });
  const adminUrl = postgres.adminUrl('postgres');
  const folder = join(directory, 'migrations');
  mkdirSync(folder);
  writeMigrations(folder);
  const migrations = pathToFileURL(folder);
  await provision({ adminUrl, database, modules: [module], secret: 'c'.repeat(64) });
  const options = { adminUrl, database, module, migrations: migrations.href };
  const program = `const { migrate } = await import(${JSON.stringify(new URL('migrate.ts', import.meta.url).href)}); const options = ${JSON.stringify(options)}; console.log('begins'); await migrate({ ...options, migrations: new URL(options.migrations) });`;
  const ask = (sql: string) => withClient(connectionConfig(adminUrl, { database }), async (client) => (await client.query({ text: sql, rowMode: 'array' })).rows.flat() as unknown[]);

  let interrupted = 0;
  for (let round = 0; round < kills; round++) {
    const upgrade = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(upgrade, 'exit');
    await once(upgrade.stdout, 'data');
    await sleep(Math.random() * 120);
    upgrade.kill('SIGKILL');
    if (round % 3 === 0) {
      process.kill(postgres.pid, 'SIGKILL');
      postgres = await startEmbeddedPostgres({ directory, diesWithParent: true });
    }
    const [, signal] = await ended;
    if (signal === 'SIGKILL') interrupted++;
    // A server whose client was killed ends its statement first.
    await withClient(connectionConfig(adminUrl, { database }), lockShape);
    await checkHistory(ask);
  }
  assert.equal(interrupted, kills, 'every upgrade was still under way when it was killed');
  await migrate({ adminUrl, database, module, migrations });
  assert.equal(await checkHistory(ask), files);
  const indexes = await ask(`select indisvalid from pg_index join pg_class on oid = indexrelid where relname like 'mod_notes_index_%'`);
  assert.deepEqual(indexes, Array.from({ length: files / indexEvery }, () => true));
});

/** The files that history names ran whole and once, in their order, and no other left a trace in a table; gives how many there are. */
async function checkHistory(ask: (sql: string) => Promise<unknown[]>): Promise<number> {
  const [there] = await ask(`select to_regclass('mod_notes.mod_notes_notes') is not null`);
  if (!there) return 0;
  const history = (await ask('select name from mod_notes.mod_notes_migrations order by name')) as string[];
  const numbers = history.map((name) => Number(name.slice(0, 4)));
  assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
  const steps = numbers.filter((n) => n > 1 && n % indexEvery !== 0);
  assert.deepEqual(await ask('select n from mod_notes.mod_notes_notes order by n, half'), steps.flatMap((n) => [n, n]));
  const tables = await ask(`select substring(relname from '^mod_notes_(\\d+)$')::int as n from pg_class where relname ~ '^mod_notes_\\d+$' order by n`);
  assert.deepEqual(tables, steps);
  return history.length;
}
