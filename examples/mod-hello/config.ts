import { z } from 'zod';

export const config = z.strictObject({
  defaultLanguage: z.string().min(2).max(35).default('en').describe('The language of a greeting that names none (BCP 47).'),
});
export type Config = z.infer<typeof config>;
