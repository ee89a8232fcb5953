create table mod_hello_greetings (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  author_id uuid not null,
  text text not null,
  language text not null,
  create_time timestamptz(3) not null default now()
);
create index on mod_hello_greetings (org_id, create_time, id);
create index on mod_hello_greetings (org_id, language, create_time, id);
select mainstay.protect_tenant_table('mod_hello_greetings');
