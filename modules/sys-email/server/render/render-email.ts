import type { EmailLanguage, EmailText } from '@mainstay/kernel';
import { fillPlain, type Values } from './fill.ts';
import { renderHtml } from './render-html.ts';
import { renderPlain } from './render-plain.ts';

/** What an e-mail is made of. */
export interface EmailContent {
  text: EmailText;
  language: EmailLanguage;
  values: Values;
  /** What the platform is called. */
  platform: string;
  /** Where its reader ends the subscription, if it belongs to one. */
  unsubscribeLink?: string | undefined;
}

/** An e-mail as it is read. */
export interface RenderedEmail {
  subject: string;
  text: string;
  html: string;
}

export interface Rendering extends EmailContent {
  isRightToLeft: boolean;
}

const MOST_SUBJECT = 250;

/** Makes plain text and HTML of one source, so that they say the same. */
export function renderEmail(content: EmailContent): RenderedEmail {
  const rendering: Rendering = { ...content, values: { ...content.values, platform: content.platform }, isRightToLeft: content.language === 'ur' };
  const subject = fillPlain(content.text.subject, rendering.values, rendering.isRightToLeft).slice(0, MOST_SUBJECT).toWellFormed();
  return { subject, text: renderPlain(rendering), html: renderHtml(rendering, subject) };
}
