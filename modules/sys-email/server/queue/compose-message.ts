import type { EmailLanguage, EmailTemplate, EmailText } from '@mainstay/kernel';
import { addressKey, domainOf } from '../email-address.ts';
import { platformName, publicAddress, type EmailNeeds } from '../needs.ts';
import type { RenderedEmail } from '../render/email-content.ts';
import { renderEmail } from '../render/render-email.ts';
import type { Values } from '../render/fill.ts';
import { unsubscribeToken } from '../suppressions/unsubscribe-token.ts';
import type { ClaimedEmail } from './claim-emails.ts';

interface Mailbox {
  name: string;
  address: string;
}

/** A message as it is handed over: the same at each try, to the last byte. */
export interface ComposedMessage extends RenderedEmail {
  messageId: string;
  date: Date;
  /** What the boundaries of its parts are made of. */
  baseBoundary: string;
  from: Mailbox;
  to: Mailbox;
  headers: Record<string, string>;
}

type About = Pick<ClaimedEmail, 'id' | 'sender' | 'list' | 'recipient' | 'recipient_name' | 'language' | 'create_time'>;

/** The Message-ID (RFC 5322) of an e-mail: whoever is sent it twice can tell. */
export const messageIdOf = ({ config }: Pick<EmailNeeds, 'config'>, { id, sender }: Pick<About, 'id' | 'sender'>): string => `<${id}${domainOf(fromAddress(config, sender))}>`;

const fromAddress = ({ from }: EmailNeeds['config'], sender: About['sender']): string => from[sender.toLowerCase() as keyof typeof from];

/** Makes the message that an e-mail is. */
export function composeMessage(needs: Pick<EmailNeeds, 'config' | 'deployment'>, email: About, text: EmailText, values: Values): ComposedMessage {
  const { id, sender, list, recipient, recipient_name: name, language, create_time: date } = email;
  const platform = platformName(needs);
  const links = list === '' ? undefined : linksOf(needs, { address: addressKey(recipient), list });
  const rendered = renderEmail({ text, language: language as EmailLanguage, values, platform, unsubscribeLink: links?.page });
  return {
    ...rendered,
    messageId: messageIdOf(needs, email),
    date,
    baseBoundary: id,
    from: { name: platform, address: fromAddress(needs.config, sender) },
    to: { name, address: recipient },
    headers: {
      'Content-Language': language,
      // Nobody's out-of-office answers it (RFC 3834).
      'Auto-Submitted': 'auto-generated',
      ...(links && { 'List-Unsubscribe': `<${links.oneClick}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    },
  };
}

/** For mail programs the address that takes the click; for people a page that asks before. Its token stands behind `#`, which is sent to no server. */
function linksOf(needs: Pick<EmailNeeds, 'config' | 'deployment'>, subscription: { address: string; list: string }): { oneClick: string; page: string } {
  const [address, token] = [publicAddress(needs), unsubscribeToken(needs.deployment.secret, subscription)];
  return { oneClick: `${address}/v1/email/unsubscribe/${token}`, page: `${address}/apps/sys-email/unsubscribe.html#${token}` };
}

/** The message that a template makes of its own examples. */
export function previewOf(needs: Pick<EmailNeeds, 'config' | 'deployment'>, template: EmailTemplate, language: EmailLanguage, text: EmailText): RenderedEmail {
  const values = Object.fromEntries(Object.entries(template.values).map(([name, { example }]) => [name, example]));
  return renderEmail({ text, language, values, platform: platformName(needs) });
}
