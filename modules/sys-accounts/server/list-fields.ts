import { queryFields } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountSchema, ActingSchema, ApiKeySchema, EmailDomainSchema, GroupMappingSchema, IdentityProviderSchema, InvitationSchema, IssueSchema, UserRequestSchema, MemberSchema, OAuthClientSchema, OrgSchema, ProjectSchema, SessionSchema } from '../contract/index.ts';

// Ids come in the order of time.
const createTime = { column: 'created_at', order: 'id' };

/** Where the fields lie that the module's lists are filtered and ordered by. */
export const listFields = {
  accounts: queryFields(AccountSchema, { email: { column: 'email', order: sql`coalesce(lower(email), '')` }, display_name: 'display_name', state: 'state', create_time: createTime }, { search: ['email', 'display_name'] }),
  orgs: queryFields(OrgSchema, { name: { column: 'name', order: sql`lower(name)` }, personal: 'personal', creator_account_id: { column: 'creator_id', uuid: true }, create_time: createTime }, { search: ['name'] }),
  projects: queryFields(ProjectSchema, { name: { column: 'name', order: sql`lower(name)` }, create_time: createTime }, { search: ['name'] }),
  members: queryFields(MemberSchema, { email: { column: 'a.email', order: sql`lower(a.email)` }, display_name: 'a.display_name' }, { id: 'a.id', search: ['a.email', 'a.display_name'] }),
  invitations: queryFields(InvitationSchema, { email: 'email', create_time: createTime, expire_time: 'expires_at' }, { search: ['email'] }),
  actings: queryFields(ActingSchema, { create_time: { column: 'x.created_at', order: 'x.id' } }, { id: 'x.id' }),
  issues: queryFields(IssueSchema, { subject: 'subject', state: 'state', create_time: createTime }, { search: ['subject'] }),
  userRequests: queryFields(UserRequestSchema, { state: 'r.state', kind: 'r.kind', create_time: { column: 'r.created_at', order: 'r.id' } }, { id: 'r.id' }),
  apiKeys: queryFields(ApiKeySchema, { name: 'name', org_id: { column: 'acting_org', uuid: true }, create_time: createTime, expire_time: 'expires_at' }),
  oauthClients: queryFields(OAuthClientSchema, { name: { column: 'name', order: sql`lower(name)` }, disabled: 'disabled', create_time: createTime }),
  identityProviders: queryFields(IdentityProviderSchema, { name: { column: 'name', order: sql`lower(name)` }, disabled: 'disabled', create_time: createTime }),
  emailDomains: queryFields(EmailDomainSchema, { domain: 'domain', org_id: { column: 'owner_org', uuid: true }, verified: sql`(verified_at is not null)`, create_time: createTime }),
  groupMappings: queryFields(GroupMappingSchema, { group_name: 'group_name', role: 'role', create_time: createTime }),
  sessions: queryFields(SessionSchema, { org_id: { column: 'acting_org', uuid: true }, create_time: createTime, refresh_time: 'refreshed_at', expire_time: 'expires_at' }),
};
