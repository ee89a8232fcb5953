import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('sys-gateway', {
  RATE_LIMITED: ['ResourceExhausted', 'more than {requests} requests in {seconds} s {whose}; try again in {wait} s'],
  ADDRESS_NOT_ALLOWED: ['PermissionDenied', 'operators are let in from certain addresses alone, and {address} is none of them'],
  NOT_SERVED_HERE: ['NotFound', 'this is not served at {host}'],
  SWITCHED_OFF: ['Unavailable', '{method} is switched off: {reason}'],
});
