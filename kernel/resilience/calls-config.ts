import { z } from 'zod';
import { peerTlsSection, type PeerTls } from '../remote/peer-tls.ts';

const retries = z.strictObject({
  most: z.int().min(0).max(10).default(2).describe('How often a call is repeated at most. Only what may be repeated is: queries, and commands with an idempotency key.'),
  budgetPercent: z.number().min(0).max(100).default(20).describe('How many calls may be repeats, per hundred calls to a process, so that repeats do not bury one that is slow.'),
  spare: z.int().min(0).max(10_000).default(10).describe('Repeats beyond the budget, for a process that is called little.'),
  firstPauseMs: z.int().min(1).max(60_000).default(20).describe('About how long the first repeat waits, in milliseconds; each further one about twice as long.'),
  longestPauseMs: z.int().min(1).max(60_000).default(500).describe('The longest that a repeat waits, in milliseconds.'),
});

const breaker = z.strictObject({
  failuresPercent: z.number().min(1).max(99).default(50).describe('With more failures than this among a hundred calls, a process is called no more for a moment. Only calls without an answer are failures.'),
  leastCalls: z.int().min(1).max(100_000).default(20).describe('As long as it had fewer calls within the window, a process is always called.'),
  windowSeconds: z.number().min(1).max(600).default(10).describe('Over how long calls are counted, in seconds.'),
  openMs: z.int().min(10).max(600_000).default(500).describe('How long a process that failed is not called, in milliseconds; then one call tries.'),
});

/** What `./mainstay` and the gateway may change while a process runs. */
export const callSettings = z.strictObject({
  timeoutSeconds: z.number().min(0.1).max(3600).default(30).describe('How long a call that has no deadline waits for its answer, in seconds. Streams may last.'),
  mostAtOnce: z.int().min(1).max(1_000_000).default(5000).describe('How many calls to one process may be under way; more are refused at once.'),
  retries: retries.prefault({}).describe('Which calls are repeated when a connection breaks, and how often.'),
  breaker: breaker.prefault({}).describe('When a process that does not answer is left alone for a moment.'),
});

/** The section `calls` of a deployment file. */
export const callsSection = callSettings.extend({
  tls: peerTlsSection.optional().describe('Certificates by which the processes know each other, for processes on several machines; calls are plain where it is absent.'),
});

/** How calls to other processes are made. */
export type CallSettings = z.infer<typeof callSettings>;

/** The same with what processes show each other. */
export interface CallsOptions extends CallSettings {
  tls?: PeerTls;
}

export const callsByDefault: Readonly<CallSettings> = callSettings.parse({}, { jitless: true });
