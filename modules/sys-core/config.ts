import { z } from 'zod';

export const config = z.strictObject({
  audience: z.url().optional().describe("The address that access tokens must be good for; the deployment's own if absent."),
  standingCacheMilliseconds: z.int().min(0).max(2000).default(1000).describe('How long another process may go on with what it knows of a session that was ended, an account that was locked or a role that was taken.'),
});
export type Config = z.infer<typeof config>;
