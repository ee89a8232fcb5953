alter table mod_promist_contacts add column version integer not null default 1;
