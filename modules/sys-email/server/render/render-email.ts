import type { EmailContent, RenderedEmail, Rendering } from './email-content.ts';
import { fillPlain } from './fill.ts';
import { renderHtml } from './render-html.ts';
import { renderPlain } from './render-plain.ts';

const MOST_SUBJECT = 250;

/** Makes plain text and HTML of one source, so that they say the same. */
export function renderEmail(content: EmailContent): RenderedEmail {
  const rendering: Rendering = { ...content, values: { ...content.values, platform: content.platform }, isRightToLeft: content.language === 'ur' };
  const subject = fillPlain(content.text.subject, rendering.values, rendering.isRightToLeft).slice(0, MOST_SUBJECT).toWellFormed();
  return { subject, text: renderPlain(rendering), html: renderHtml(rendering, subject) };
}
