import { emailText, type EmailTemplate, type EmailText } from './email-template.ts';

/** Values that every template may use: what the deployment is called by those who get its e-mails. */
export const commonEmailValues = ['platform'] as const;

/** Everything that keeps a text from being sent, for whoever wrote it; none if it is right. */
export function emailTextProblems({ values }: Pick<EmailTemplate, 'values'>, text: unknown): string[] {
  const { data, error } = emailText.safeParse(text);
  if (error) return error.issues.map(({ path, message }) => `${path.join('.') || 'text'}: ${message}`);
  const known = [...Object.keys(values), ...commonEmailValues];
  return [...linesOf(data)].flatMap(({ place, line, isLink }) => [...strayBraces(line, known), ...(isLink ? notLink(line, values) : [])].map((problem) => `${place}: ${problem}`));
}

/** Every line of a text with its place in it, such as `body.2.note`. */
function* linesOf({ subject, body }: EmailText): Generator<{ place: string; line: string; isLink: boolean }> {
  yield { place: 'subject', line: subject, isLink: false };
  for (const [at, block] of body.entries()) for (const [part, line] of Object.entries(block)) yield { place: `body.${at}.${part}`, line, isLink: part === 'link' };
}

function strayBraces(line: string, known: readonly string[]): string[] {
  const names = [...line.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!);
  const unknown = [...new Set(names)].filter((name) => !known.includes(name)).map((name) => `{${name}} is no value of this template; it has ${known.map((one) => `{${one}}`).join(', ')}`);
  return /[{}]/.test(line.replaceAll(/\{[^{}]*\}/g, '')) ? [...unknown, 'a brace stands alone; braces hold the name of a value, such as {platform}'] : unknown;
}

function notLink(line: string, values: EmailTemplate['values']): string[] {
  const name = line.slice(1, -1);
  return name in values && values[name]!.kind !== 'link' ? [`{${name}} is not of the kind link`] : [];
}
