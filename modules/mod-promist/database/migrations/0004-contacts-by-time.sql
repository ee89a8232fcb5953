-- outside a transaction
create index concurrently if not exists mod_promist_contacts_by_time on mod_promist_contacts (org_id, owner_id, create_time, id);
