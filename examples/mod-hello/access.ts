import { defineAccess } from '@mainstay/kernel';

/** Everyone who belongs to an org greets in it. */
export const access = defineAccess([
  { role: 'USER', may: ['hello.greetings.*'] },
  { role: 'ADMIN', may: ['hello.greetings.*'] },
]);
