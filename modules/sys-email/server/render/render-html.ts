import type { EmailBlock } from '@mainstay/kernel';
import { escapeHtml, fill, fillHtml, type Values } from './fill.ts';
import { unsubscribeWords } from './footer.ts';
import type { Rendering } from './email-content.ts';

const font = "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Nastaliq Urdu',Arial,sans-serif";

// Mail programs keep what is in `style` attributes; the sheet adds what some of them know: dark mode and small screens.
const sheet = `@media (prefers-color-scheme: dark) { .page { background: #16191d !important; } .card { background: #22272e !important; } .ink { color: #e6e9ec !important; } .dim { color: #a9b2bc !important; } .code { background: #313840 !important; color: #ffffff !important; } }
@media (max-width: 480px) { .card { padding: 20px !important; } }`;

/** An e-mail as HTML: one column, tables for the programs that know nothing else, readable in light and dark. */
export function renderHtml(rendering: Rendering, subject: string): string {
  const { language, isRightToLeft, text: { body }, values } = rendering;
  const direction = isRightToLeft ? 'rtl' : 'ltr';
  const align = isRightToLeft ? 'right' : 'left';
  return `<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<style>${sheet}</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f2f4f6">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" dir="${direction}" style="background:#f2f4f6"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px"><tr><td class="card" align="${align}" style="background:#ffffff;border-radius:8px;padding:32px;${font};text-align:${align}">
${body.map((block) => htmlBlock(block, values, align)).join('\n')}
</td></tr><tr><td class="dim" align="${align}" style="padding:16px 32px;${font};font-size:13px;line-height:20px;color:#5a6570;text-align:${align}">${footer(rendering)}</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

function htmlBlock(block: EmailBlock, values: Values, align: string): string {
  const line = (text: string) => fillHtml(text, values);
  if ('heading' in block) return `<h1 class="ink" style="margin:0 0 16px;font-size:22px;line-height:30px;color:#1c2127">${line(block.heading)}</h1>`;
  if ('text' in block) return `<p class="ink" style="margin:0 0 16px;font-size:16px;line-height:25px;color:#1c2127">${line(block.text)}</p>`;
  if ('code' in block) return `<p class="code" dir="ltr" style="display:inline-block;margin:0 0 16px;padding:12px 20px;border-radius:6px;background:#eef1f4;font-family:ui-monospace,Consolas,monospace;font-size:26px;line-height:32px;letter-spacing:3px;color:#1c2127">${line(block.code)}</p>`;
  if ('button' in block) return button(line(block.button), linkOf(block.link, values), align);
  return `<p class="dim" style="margin:0 0 16px;font-size:13px;line-height:20px;color:#5a6570">${line(block.note)}</p>`;
}

/** The whole cell is coloured, since some programs leave out the padding of links. */
const button = (label: string, link: string, align: string): string =>
  `<table role="presentation" align="${align}" cellpadding="0" cellspacing="0" style="margin:0 0 16px"><tr><td bgcolor="#1d4f91" style="border-radius:6px;background:#1d4f91"><a href="${escapeHtml(link)}" style="display:inline-block;padding:12px 24px;font-size:16px;line-height:24px;font-weight:600;color:#ffffff;text-decoration:none">${label}</a></td></tr></table><div style="clear:both"></div>`;

const linkOf = (placeholder: string, values: Values): string => new URL(fill(placeholder, values, (value) => value)).href;

function footer({ platform, language, unsubscribeLink }: Rendering): string {
  const name = `<bdi>${escapeHtml(platform)}</bdi>`;
  return unsubscribeLink ? `${name}<br><a class="dim" href="${escapeHtml(unsubscribeLink)}" style="color:#5a6570">${escapeHtml(unsubscribeWords[language])}</a>` : name;
}
