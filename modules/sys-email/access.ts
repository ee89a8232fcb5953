import { defineAccess } from '@mainstay/kernel';

/** Who looks after e-mail. Maintenance sees how it goes and sends again what failed, without addresses or what is said. */
export const access = defineAccess([
  { role: 'OPS', may: ['email.emails.list', 'email.emails.get', 'email.emails.retry', 'email.emails.discard', 'email.templates.list', 'email.templates.get', 'email.templates.list_versions', 'email.templates.preview'], acrossOrgs: true },
  { role: 'SUPERADMIN', may: ['email.*'], acrossOrgs: true },
]);
