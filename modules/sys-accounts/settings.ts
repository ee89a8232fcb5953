import { perOrg } from '@mainstay/kernel';
import { z } from 'zod';

/** What administrators of an org decide for it. */
export const settings = {
  managedPasswords: perOrg(z.boolean().default(false).describe('Whether people whose accounts the org looks after may log in by a password, too. Else the identity providers of the org are their way in, if it has any.')),
  secondFactorRequired: perOrg(z.boolean().default(false).describe('Whether members of the org need a second factor: whoever has none adds one before they go on.')),
};
