import { defineAccess } from '@mainstay/kernel';

/** Who may do what with accounts and orgs. Everyone who is signed in has the role GUEST. */
export const access = defineAccess([
  { role: 'GUEST', may: ['accounts.accounts.get', 'accounts.orgs.get', 'accounts.orgs.list'] },
  { role: 'USER', may: ['accounts.projects.get', 'accounts.projects.list', 'accounts.members.list'] },
  { role: 'ADMIN', may: ['accounts.orgs.update', 'accounts.projects.*', 'accounts.members.*', 'accounts.invitations.*', 'accounts.roles.*', 'accounts.oauth_clients.*'] },
  { role: 'SUPERADMIN', may: ['accounts.accounts.*', 'accounts.acting.*', 'accounts.orgs.*', 'accounts.projects.*', 'accounts.members.*', 'accounts.invitations.*', 'accounts.roles.*'], acrossOrgs: true },
]);
