import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('mod-journeys', {
  JOURNEY_NOT_FOUND: ['NotFound', 'no journey {journeyId}'],
});
