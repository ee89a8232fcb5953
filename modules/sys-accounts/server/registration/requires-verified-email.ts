import type { Needs } from '../needs.ts';

/** Whether there are accounts only with addresses that their people have shown to be theirs. */
export function requiresVerifiedEmail({ config, deployment: { phase } }: Pick<Needs, 'config' | 'deployment'>): boolean {
  return config.requireVerifiedEmail ?? (phase === 'A' || phase === 'P');
}
