import { standardWebhooks, webhook } from '@mainstay/kernel';
import { z } from 'zod';
import { requireAddress } from '../email-address.ts';
import type { EmailNeeds } from '../needs.ts';
import { noteBounce } from './note-bounce.ts';
import { suppress } from './suppress.ts';

const events = z.object({
  events: z.array(z.object({
    type: z.enum(['bounced', 'complained']),
    address: z.string().min(3).max(254),
    /** A bounce that will not be mended by waiting; others change nothing. */
    permanent: z.boolean().default(true),
    /** The Message-ID of the e-mail. */
    messageId: z.string().max(400).optional(),
    detail: z.string().max(1000).default(''),
  })).min(1).max(1000),
});

/**
 * Takes what the mail provider tells of e-mails that came back or were called unwanted, at `POST /v1/webhooks/in/sys-email/bounces`,
 * signed as the Standard Webhooks specification says with the secret in SYS_EMAIL_WEBHOOK_SECRET.
 */
export const bounces = webhook<EmailNeeds, z.infer<typeof events>>(
  'bounces',
  { scheme: standardWebhooks, secrets: ({ config }) => [config.webhookSecret ?? ''], payload: events as z.ZodType<z.infer<typeof events>> },
  async ({ db, log }, { payload }) => {
    for (const { type, address: given, permanent, messageId, detail } of payload.events) {
      if (type === 'bounced' && !permanent) continue;
      const address = addressOf(given);
      if (address === undefined) {
        log.warn('a bounce names no address that can be sent to; it is left out');
        continue;
      }
      await db.write(async (tx) => {
        await suppress(tx, { address, reason: type === 'bounced' ? 'BOUNCE' : 'COMPLAINT', detail: detail.replaceAll(/\p{Cc}+/gu, ' ') });
        if (type === 'bounced' && messageId !== undefined) await noteBounce(tx, address, messageId, detail);
      });
    }
  },
);

function addressOf(text: string): string | undefined {
  try {
    return requireAddress(text);
  } catch {
    return undefined;
  }
}
