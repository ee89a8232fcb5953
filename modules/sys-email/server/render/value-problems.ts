import { isWebLink, type EmailTemplate, type EmailText } from '@mainstay/kernel';
import type { Values } from './fill.ts';

/** What keeps values from being filled into a text, for whoever sends; none if they are right. It never says what they are. */
export function valueProblems(template: EmailTemplate, text: EmailText, values: Values): string[] {
  const declared = Object.entries(template.values);
  const missing = declared.filter(([name]) => !Object.hasOwn(values, name)).map(([name]) => `{${name}} is missing`);
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(template.values, name)).map((name) => `it has no {${name}}`);
  const given = declared.filter(([name]) => Object.hasOwn(values, name));
  const wrong = given.flatMap(([name, { kind }]) => problemOf(values[name]!, kind).map((problem) => `{${name}} ${problem}`));
  const broken = namesIn(oneLiners(text)).filter((name) => Object.hasOwn(values, name) && values[name]!.includes('\n')).map((name) => `{${name}} has a line break, and stands where there may be none`);
  return [...missing, ...unknown, ...wrong, ...broken];
}

function problemOf(value: string, kind: 'text' | 'link'): string[] {
  if (!value.isWellFormed() || /\p{Cc}/u.test(value.replaceAll('\n', ''))) return ['holds a control character; take it out'];
  return kind === 'link' && !isWebLink(value) ? ['is no address of the web: it must begin with https:// or http://'] : [];
}

/** The parts of a text that are one line each; the subject is a header, in which a line break would begin another one. */
const oneLiners = ({ subject, body }: EmailText): string => [subject, ...body.flatMap((block) => ('text' in block || 'note' in block ? [] : Object.values(block)))].join(' ');

const namesIn = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!))];
