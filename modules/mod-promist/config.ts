import { z } from 'zod';

export const config = z.object({
  keepDeletedDays: z.int().min(1).max(3650).default(30).describe('Days for which a deleted promise can be restored.'),
  importLimit: z.int().min(1).max(1_000_000).default(100_000).describe('Most promises in one imported file.'),
  watchIntervalMs: z.int().min(100).max(60_000).default(1000).describe('How often a watching client is told of what is new, in milliseconds.'),
});

export type Config = z.infer<typeof config>;
