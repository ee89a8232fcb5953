import { defineAccess } from '@mainstay/kernel';

/** Everyone who belongs to an org sees its journeys. */
export const access = defineAccess([{ role: 'USER', may: ['journeys.journeys.*'] }]);
