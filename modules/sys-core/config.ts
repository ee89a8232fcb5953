import { z } from 'zod';

export const config = z.strictObject({
  audience: z.union([z.url(), z.array(z.url()).max(20)]).default([]).describe("The addresses of which an access token must be good for one: an address or a list; the deployment's own if empty."),
  standingCacheMilliseconds: z.int().min(0).max(2000).default(1000).describe('How long another process may go on with what it knows of a session that was ended, an account that was locked or a role that was taken.'),
  files: z
    .strictObject({
      maxFileMiB: z.int().min(1).max(5120).default(100).describe('The largest file, in MiB.'),
      orgQuotaMiB: z.int().min(1).max(1024 * 1024).default(1024).describe('How much all files of an org may come to, in MiB.'),
      maxFilesPerOrg: z.int().min(1).max(10_000_000).default(100_000).describe('How many files an org may have.'),
    })
    .prefault({})
    .describe('What an org may keep.'),
});
export type Config = z.infer<typeof config>;
