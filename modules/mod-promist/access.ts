import { defineAccess } from '@mainstay/kernel';

const everything = ['promist.promises.*', 'promist.contacts.*', 'promist.notifications.*'] as const;

/** Users and administrators of an org make promises; which rows each sees is decided by who made, got or was shown a promise. */
export const access = defineAccess([
  { role: 'USER', may: everything },
  { role: 'ADMIN', may: everything },
]);
