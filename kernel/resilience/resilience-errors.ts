import { defineErrors } from '../errors/define-errors.ts';

/** Why a call was not even tried. */
export const resilienceErrors = defineErrors('kernel', {
  PEER_BUSY: ['Unavailable', '{limit} calls to {peer} are under way, as many as may be; try again in a moment'],
  PEER_FAILING: ['Unavailable', '{peer} did not answer lately and is left alone for a moment; try again soon'],
});
