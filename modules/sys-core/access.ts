import { defineAccess } from '@mainstay/kernel';

/**
 * Who may look after the platform. Administrators of an org read what was done in it,
 * change the settings that are per org, and subscribe other systems to its events. Maintenance diagnoses and sees
 * no customer's data: it may check that the audit holds, not read it.
 */
export const access = defineAccess([
  { role: 'USER', may: ['core.files.*'] },
  { role: 'ADMIN', may: ['core.files.*'] },
  { role: 'ADMIN', may: ['core.audit.list', 'core.audit.get', 'core.settings.*', 'core.webhooks.*'] },
  { role: 'OPS', may: ['core.audit.verify', 'core.modules.*', 'core.dead_letters.*', 'core.sagas.*', 'core.events.*', 'core.shards.list', 'core.shards.get'], acrossOrgs: true },
  { role: 'SUPERADMIN', may: ['core.audit.*', 'core.settings.*', 'core.modules.*', 'core.dead_letters.*', 'core.sagas.*', 'core.events.*', 'core.shards.*', 'core.webhooks.*'], acrossOrgs: true },
]);
