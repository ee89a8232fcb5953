import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('mod-hello', {
  GREETING_NOT_FOUND: ['NotFound', 'no greeting {greetingId}'],
});
