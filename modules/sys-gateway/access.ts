import { defineAccess } from '@mainstay/kernel';

/** Operators read what the gateway does; Platform Administrators change it, by its settings. */
export const access = defineAccess([
  { role: 'OPS', may: ['gateway.routes.*', 'gateway.limits.*', 'gateway.breakers.*'], acrossOrgs: true },
  { role: 'SUPERADMIN', may: ['gateway.routes.*', 'gateway.limits.*', 'gateway.breakers.*'], acrossOrgs: true },
]);
