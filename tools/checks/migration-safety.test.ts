import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkMigrations } from './migration-safety.ts';

const first = 'create table mod_a_notes (id int primary key, title text, body text);\ncreate index on mod_a_notes (title);\n';

/** A git project whose release v1 has one table. */
function project(t: TestContext) {
  const tree = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
  t.after(() => rmSync(tree, { recursive: true, force: true }));
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.test', ...args], { cwd: tree, stdio: 'pipe' });
  const folder = join(tree, 'modules/mod-a/database/migrations');
  mkdirSync(folder, { recursive: true });
  const write = (name: string, sql: string) => writeFileSync(join(folder, name), sql);
  const release = (version: string) => { git('add', '.'); git('commit', '-qm', version); git('tag', version); };
  git('init', '-q');
  write('0001-notes.sql', first);
  release('v1');
  return { tree, folder, write, release };
}

const unsafe: Record<string, RegExp> = {
  'alter table mod_a_notes drop body': /drops body of mod_a_notes/,
  'alter table mod_a.mod_a_notes rename title to name': /renames title of mod_a_notes/,
  'alter table mod_a_notes rename to mod_a_letters': /renames mod_a_notes/,
  'alter table mod_a_notes alter title type varchar(9)': /changes the type of title/,
  'alter table mod_a_notes alter title set not null': /makes title of mod_a_notes required/,
  'alter table mod_a_notes add author text not null': /adds author to mod_a_notes, which must be there and has no default/,
  'alter table mod_a_notes add key uuid default uuidv7()': /writes all of mod_a_notes anew/,
  'alter table mod_a_notes add long int generated always as (length(body)) stored': /to compute long/,
  'alter table mod_a_notes add code text unique': /builds an index of mod_a_notes/,
  'create unique index on mod_a_notes (title)': /builds an index of mod_a_notes while nobody can write/,
  'alter table mod_a_notes add unique (title)': /adds a constraint to mod_a_notes/,
  'alter table mod_a_notes add constraint short check (length(title) < 9)': /looks at every row/,
  'alter table mod_a_notes add constraint short check (length(title) < 9) not valid': /which processes of the release before don't know/,
  'alter table mod_a_notes add number bigserial': /writes all of mod_a_notes anew/,
  'alter table mod_a_notes add key text default gen_random_uuid()::text': /writes all of mod_a_notes anew/,
  'alter table mod_a_notes add dice int default (1 + floor(random() * 6))::int': /writes all of mod_a_notes anew/,
  'alter table mod_a_notes add stars int check (stars < 6)': /looks at every row of mod_a_notes for stars/,
  'alter table mod_a_notes add constraint short check (length(title) < 9) not valid, drop constraint short, validate constraint short': /looks at every row of mod_a_notes for short/,
  'alter table mod_a_notes enable row level security': /hides the rows of mod_a_notes/,
  'create policy few on mod_a_notes as restrictive using (id > 9)': /hides rows of mod_a_notes/,
  'revoke select on mod_a.mod_a_notes from public': /takes rights on mod_a_notes away/,
  'delete from mod_a_notes': /empties mod_a_notes/,
  'reindex table mod_a_notes': /builds indexes while nobody can write/,
  'drop table mod_a_notes': /drops mod_a_notes/,
  'drop view mod_a_view': /drops a view/,
  'truncate mod_a_notes': /empties mod_a_notes/,
  'lock table mod_a_notes': /locks whole tables/,
  'do $$ begin execute \'drop table mod_a_notes\'; end $$': /hides in a block/,
  'select mainstay.protect_tenant_table(\'mod_a_notes\')': /closes mod_a_notes/,
};

for (const [sql, message] of Object.entries(unsafe)) {
  test(`refused: ${sql}`, async (t) => {
    const { tree, write } = project(t);
    write('0002-change.sql', `-- ünsafe\n\n${sql};\n`);
    await assert.rejects(checkMigrations(tree, 'v1'), (error: Error) => message.test(error.message) && error.message.startsWith('modules/mod-a/database/migrations/0002-change.sql:3 '));
  });
}

test('what expands is allowed, and everything on tables that the same migration makes', async (t) => {
  const { tree, write } = project(t);
  write('0002-more.sql', `
    create table mod_a_tags (id int primary key, name text, org_id uuid);
    create unique index on mod_a_tags (name);
    alter table mod_a_tags alter name set not null, drop org_id;
    alter table mod_a_notes add author text, add made timestamptz not null default now(), add tag int references mod_a_tags;
    alter table mod_a_notes alter title set default '', alter body drop not null;
    alter table mod_a_notes drop constraint if exists kinds, add constraint kinds check (title in ('a', 'b')) not valid;
    do $$ begin execute 'grant select on mod_a_tags to public'; end $$;
    delete from mod_a_notes where title = '';
    grant select on mod_a_notes to public;
    create policy more on mod_a_notes using (true);
    update mod_a_notes set author = '' where author is null;
    drop index mod_a.mod_a_notes_title_idx;`);
  write('0003-index.sql', '-- outside a transaction\ncreate index concurrently if not exists mod_a_notes_author on mod_a_notes (author);');
  await checkMigrations(tree, 'v1');
});

test('a migration may contract what an earlier release replaced, and only that', async (t) => {
  const { tree, write, release } = project(t);
  write('0002-text.sql', 'alter table mod_a_notes add text text;');
  write('0003-no-body.sql', '-- contracts: 0002-text.sql\nalter table mod_a_notes drop body;');
  await assert.rejects(checkMigrations(tree, 'v1'), /0003-no-body\.sql contracts 0002-text\.sql, which no release contains yet/);
  rmSync(join(tree, 'modules/mod-a/database/migrations/0003-no-body.sql'));
  release('v2');
  write('0003-no-body.sql', '-- contracts: 0002-text.sql\nalter table mod_a_notes drop body;');
  await checkMigrations(tree, 'v2');
  write('0003-no-body.sql', '-- contracts: 0002-text.sql\nalter table mod_a_notes drop body; create index on mod_a_notes (text);');
  await assert.rejects(checkMigrations(tree, 'v2'), /builds an index/);
});

test('a released migration may be neither changed nor taken away', async (t) => {
  const { tree, folder, write } = project(t);
  write('0001-notes.sql', `${first}-- more\n`);
  await assert.rejects(checkMigrations(tree, 'v1'), /0001-notes\.sql was released and is changed/);
  write('0002-other.sql', 'create table mod_a_others (id int);');
  rmSync(join(folder, '0001-notes.sql'));
  await assert.rejects(checkMigrations(tree, 'v1'), /0001-notes\.sql was released and is gone/);
});

test('what is no SQL is told', async (t) => {
  const { tree, write } = project(t);
  write('0002-typo.sql', 'alter tabel mod_a_notes add x int;');
  await assert.rejects(checkMigrations(tree, 'v1'), /0002-typo\.sql is no SQL that PostgreSQL knows: syntax error/);
});
