import { defineAccess } from '@mainstay/kernel';

/** Who may do what with accounts and orgs. Everyone who is signed in has the role GUEST. */
export const access = defineAccess([
  { role: 'GUEST', may: ['accounts.accounts.get', 'accounts.orgs.get', 'accounts.orgs.list', 'accounts.user_requests.create'] },
  { role: 'USER', may: ['accounts.projects.get', 'accounts.projects.list', 'accounts.members.list'] },
  { role: 'ADMIN', may: ['accounts.orgs.update', 'accounts.projects.*', 'accounts.members.*', 'accounts.invitations.*', 'accounts.user_requests.*', 'accounts.roles.*', 'accounts.oauth_clients.*', 'accounts.email_domains.create', 'accounts.email_domains.get', 'accounts.email_domains.list', 'accounts.email_domains.verify', 'accounts.email_domains.delete', 'accounts.group_mappings.*', 'accounts.scim.*', 'accounts.identity_providers.*'] },
  { role: 'OPS', may: ['accounts.issues.list', 'accounts.issues.get', 'accounts.issues.comment', 'accounts.issues.resolve'], acrossOrgs: true },
  { role: 'SUPERADMIN', may: ['accounts.accounts.*', 'accounts.acting.*', 'accounts.issues.*', 'accounts.orgs.*', 'accounts.projects.*', 'accounts.members.*', 'accounts.invitations.*', 'accounts.user_requests.*', 'accounts.roles.*', 'accounts.email_domains.*'], acrossOrgs: true },
]);
