import type { EmailBlock } from '@mainstay/kernel';
import { fillPlain } from './fill.ts';
import type { Rendering } from './email-content.ts';
import { unsubscribeWords } from './footer.ts';

/** An e-mail as plain text. */
export function renderPlain({ text: { body }, values, language, platform, unsubscribeLink, isRightToLeft }: Rendering): string {
  const line = (text: string) => fillPlain(text, values, isRightToLeft);
  // What is copied holds nothing that nobody sees.
  const bare = (text: string) => fillPlain(text, values, false);
  const pieces = body.map((block) => plainBlock(block, line, bare));
  const footer = ['-- ', platform, ...(unsubscribeLink ? [`${unsubscribeWords[language]}: ${unsubscribeLink}`] : [])].join('\n');
  return `${[...pieces, footer].join('\n\n')}\n`;
}

function plainBlock(block: EmailBlock, line: (text: string) => string, bare: (text: string) => string): string {
  if ('heading' in block) return line(block.heading);
  if ('text' in block) return line(block.text);
  if ('code' in block) return `    ${bare(block.code)}`;
  if ('button' in block) return `${line(block.button)}:\n${bare(block.link)}`;
  return line(block.note);
}
