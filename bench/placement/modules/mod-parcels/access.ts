import { defineAccess } from '@mainstay/kernel';

/** Everyone who belongs to an org sees its parcels. */
export const access = defineAccess([{ role: 'USER', may: ['parcels.parcels.*'] }]);
