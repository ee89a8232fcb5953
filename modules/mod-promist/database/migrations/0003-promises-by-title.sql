-- outside a transaction
create index concurrently if not exists mod_promist_promises_by_title on mod_promist_promises (org_id, owner_id, lower(title), id);
