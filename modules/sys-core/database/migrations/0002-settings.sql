-- What settings were set to; a setting that nobody set has no row. Deployment-wide where org_id is absent.
create table sys_core_settings (
  module text not null,
  key text not null,
  org_id uuid,
  -- As JSON, under the key "is"; absent after a reset.
  value jsonb,
  -- Counts the changes of this setting.
  version integer not null check (version > 0),
  -- Counts the changes of all settings.
  revision bigint not null unique,
  unique nulls not distinct (module, key, org_id)
);

-- Every change, for good.
create table sys_core_setting_changes (
  revision bigint primary key,
  module text not null,
  key text not null,
  org_id uuid,
  version integer not null,
  before jsonb,
  after jsonb,
  reason text not null,
  account_id uuid,
  actor_account_id uuid,
  time timestamptz not null default clock_timestamp(),
  unique nulls not distinct (module, key, org_id, version)
);

-- An org sees and changes its own values and sees those of the deployment; operators those of all.
alter table sys_core_settings enable row level security, force row level security;
alter table sys_core_setting_changes enable row level security, force row level security;
create policy own_org on sys_core_settings using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()));
create policy own_org on sys_core_setting_changes using (org_id = (select mainstay.current_org())) with check (org_id = (select mainstay.current_org()));
create policy of_deployment on sys_core_settings for select using (org_id is null);
do $$
declare roles mainstay.modules;
begin
  select * into strict roles from mainstay.modules where schema = 'sys_core';
  execute format('create policy all_orgs on sys_core_settings to %I, %I using (true) with check (true)', roles.all_orgs, roles.owner);
  execute format('create policy all_orgs on sys_core_setting_changes to %I, %I using (true) with check (true)', roles.all_orgs, roles.owner);
  execute format('revoke delete, truncate on sys_core_settings from %I, %I', roles.login, roles.all_orgs);
  execute format('revoke update, delete, truncate on sys_core_setting_changes from %I, %I', roles.login, roles.all_orgs);
end $$;

-- The revision of the next change. Whoever asks keeps others from asking until the transaction is over, so that changes
-- become visible in the order of their revisions.
create sequence sys_core_settings_revision;
