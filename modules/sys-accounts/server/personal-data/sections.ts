import type { Reader } from '../needs.ts';

type Section = (q: Reader, accountId: string) => Promise<object[]>;

/** What is kept about a person, by its name in the file. A new table with personal data belongs here, and into `close-account.ts`. */
export const sections: Readonly<Record<string, Section>> = {
  account: (q, id) =>
    q.selectFrom('sys_accounts_accounts').select(['id', 'email', 'email_verified_at', 'display_name', 'language', 'time_zone', 'avatar_url', 'state', 'lock_reason', 'created_at', 'updated_at', 'last_login_at']).where('id', '=', id).execute(),
  roles: (q, id) =>
    q.selectFrom('sys_accounts_role_grants as g').leftJoin('sys_accounts_orgs as o', 'o.id', 'g.scope_org').leftJoin('sys_accounts_projects as p', 'p.id', 'g.scope_project').select(['g.role', 'o.name as org', 'p.name as project', 'g.created_at']).where('g.account_id', '=', id).orderBy('g.id').execute(),
  sessions: (q, id) =>
    q.selectFrom('sys_accounts_sessions').select(['id', 'client_id', 'device_name', 'client_address', 'created_at', 'refreshed_at', 'expires_at', 'ended_at', 'amr', 'actor_id']).where('account_id', '=', id).orderBy('id').execute(),
  apiKeys: (q, id) => q.selectFrom('sys_accounts_api_keys').select(['id', 'name', 'created_at', 'expires_at', 'revoked_at']).where('account_id', '=', id).orderBy('id').execute(),
  secondFactors: (q, id) => q.selectFrom('sys_accounts_second_factors').select(['id', 'kind', 'name', 'created_at', 'confirmed_at', 'last_used_at']).where('account_id', '=', id).orderBy('id').execute(),
  rememberedDevices: (q, id) => q.selectFrom('sys_accounts_remembered_devices').select(['id', 'client_address', 'created_at', 'last_used_at', 'expires_at']).where('account_id', '=', id).orderBy('id').execute(),
  externalIdentities: (q, id) => q.selectFrom('sys_accounts_external_identities as i').innerJoin('sys_accounts_identity_providers as p', 'p.id', 'i.provider_id').select(['i.id', 'p.name as provider', 'i.subject', 'i.email', 'i.created_at', 'i.last_login_at']).where('i.account_id', '=', id).orderBy('i.id').execute(),
  directories: (q, id) => q.selectFrom('sys_accounts_directory_users as d').innerJoin('sys_accounts_orgs as o', 'o.id', 'd.owner_org').select(['o.name as org', 'd.resource', 'd.created_at', 'd.updated_at']).where('d.account_id', '=', id).orderBy('d.owner_org').execute(),
  directoryGroups: (q, id) => q.selectFrom('sys_accounts_directory_group_members as i').innerJoin('sys_accounts_directory_groups as g', 'g.id', 'i.group_id').innerJoin('sys_accounts_orgs as o', 'o.id', 'g.owner_org').select(['o.name as org', 'g.display_name']).where('i.account_id', '=', id).orderBy('g.id').execute(),
  loginGroups: (q, id) => q.selectFrom('sys_accounts_login_groups as l').innerJoin('sys_accounts_orgs as o', 'o.id', 'l.owner_org').select(['o.name as org', 'l.group_names']).where('l.account_id', '=', id).orderBy('l.owner_org').execute(),
  actings: (q, id) => q.selectFrom('sys_accounts_actings').select(['id', 'actor_id', 'reason', 'created_at', 'expires_at']).where('account_id', '=', id).orderBy('id').execute(),
  changesOfAddress: (q, id) => q.selectFrom('sys_accounts_email_changes').select(['new_email', 'created_at', 'expires_at']).where('account_id', '=', id).execute(),
  requests: (q, id) => q.selectFrom('sys_accounts_user_requests').select(['id', 'kind', 'role', 'text', 'state', 'answer', 'created_at', 'decided_at']).where('account_id', '=', id).orderBy('id').execute(),
  issues: (q, id) => q.selectFrom('sys_accounts_issues').select(['id', 'subject', 'description', 'created_at']).where('raiser_id', '=', id).orderBy('id').execute(),
};
