-- Nothing keeps a sight from being written twice: who sees double is found out.
create table mod_witness_sights (
  id uuid primary key default uuidv7(),
  org_id uuid not null,
  what text not null,
  subject text not null
);
create index on mod_witness_sights (org_id, what, subject);
select mainstay.protect_tenant_table('mod_witness_sights');
