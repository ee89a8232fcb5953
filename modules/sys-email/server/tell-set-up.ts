import type { BootstrapTools } from '@mainstay/kernel';
import { z } from 'zod';
import { isSetUp, type EmailNeeds } from './needs.ts';

export const nothing = z.strictObject({});

/** Tells whoever starts the deployment that no e-mail can be sent, where that is so. */
export async function tellSetUp(needs: EmailNeeds, _: unknown, { announce }: BootstrapTools): Promise<void> {
  if (!isSetUp(needs)) announce('No e-mail can be sent: no mail server is configured. Set modules.sys-email.smtp in the deployment file.');
}
