import { z } from 'zod';

export const config = z.strictObject({
  audience: z.union([z.url(), z.array(z.url()).max(20)]).default([]).describe("The addresses of which an access token must be good for one: an address or a list; the deployment's own if empty."),
  standingCacheMilliseconds: z.int().min(0).max(2000).default(1000).describe('How long another process may go on with what it knows of a session that was ended, an account that was locked or a role that was taken.'),
  stepUpMinutes: z.int().min(1).max(1440).default(60).describe('How long ago, at most, a person must have proved who they are for what is dangerous, such as a new password or second factor. Longer ago, they are asked again.'),
  webhooks: z
    .strictObject({
      waitSeconds: z.array(z.int().min(0).max(604_800)).min(1).max(20).default([0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]).describe('How long to wait before each try to send an event to another system, in seconds; as many tries there are.'),
      timeoutSeconds: z.int().min(1).max(120).default(20).describe('How long an endpoint may take to answer.'),
      perEndpoint: z.int().min(1).max(100).default(4).describe('How many events are sent to an endpoint at once.'),
      atOnce: z.int().min(1).max(1000).default(64).describe('How many events a process sends at once, to all endpoints.'),
      disableAfterDays: z.int().min(1).max(365).default(5).describe('An endpoint that has failed for so many days is disabled.'),
      keepDays: z.int().min(1).max(3650).default(30).describe('How many days is kept what was sent.'),
      oldSecretHours: z.int().min(0).max(8760).default(24).describe('How long what is sent is signed with the secret before, too.'),
      maxEndpoints: z.int().min(1).max(1000).default(20).describe('How many endpoints an org may have, and how many the deployment.'),
    })
    .prefault({})
    .describe('How other systems are told of events.'),
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
