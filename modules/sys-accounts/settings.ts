import { perOrg } from '@mainstay/kernel';
import { z } from 'zod';

/** What administrators of an org decide for it. */
export const settings = {
  secondFactorRequired: perOrg(z.boolean().default(false).describe('Whether members of the org need a second factor: whoever has none adds one before they go on.')),
};
