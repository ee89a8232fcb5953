import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('mod-parcels', {
  PARCEL_NOT_FOUND: ['NotFound', 'no parcel {parcelId}'],
});
