-- Files: their names, owners and sizes. Their contents lie in the file storage, named by org and hash.

create table sys_core_files (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  -- Absent for a file that a module keeps, or whose owner's account was closed.
  owner_account_id uuid,
  name text not null check (octet_length(name) between 1 and 255),
  content_type text not null,
  size bigint not null check (size >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  visibility text not null check (visibility in ('PRIVATE', 'ORG')),
  -- STORING → READY: a row is there, and counts, before its content is kept; one that stays behind was interrupted.
  state text not null default 'STORING' check (state in ('STORING', 'READY')),
  create_time timestamptz(3) not null default now()
);
create index on sys_core_files (org_id, id desc) where state = 'READY';
create index on sys_core_files (org_id, visibility, owner_account_id, id desc) where state = 'READY';
create index on sys_core_files (org_id, id desc) where state = 'READY' and visibility = 'ORG';
create index on sys_core_files (org_id, sha256);
create index on sys_core_files (create_time) where state = 'STORING';
select mainstay.protect_tenant_table('sys_core_files');

-- What the files of an org come to; changed in the transaction that adds or removes one.
create table sys_core_file_usage (
  org_id uuid primary key,
  bytes bigint not null check (bytes >= 0),
  files bigint not null check (files >= 0)
);
select mainstay.protect_tenant_table('sys_core_file_usage');
