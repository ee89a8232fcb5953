export type Values = Readonly<Record<string, string>>;

/** Characters that turn the order of what follows around, by which a value could hide what it says. */
const turning = /[\u202A-\u202E\u2066-\u2069]/g;

/** A line with its values, each changed by `made`, and what stands between by `between`. */
export function fill(line: string, values: Values, made: (value: string) => string, between: (text: string) => string = (text) => text): string {
  const parts = line.split(/\{(\w+)\}/);
  return parts.map((part, at) => (at % 2 === 0 ? between(part) : made(valueOf(values, part)))).join('');
}

const valueOf = (values: Values, name: string): string => (Object.hasOwn(values, name) ? values[name]!.replace(turning, '') : '');

const FIRST_STRONG = '\u2068';
const END = '\u2069';

/** A line of plain text. Among words from right to left a value keeps its own direction (Unicode isolates). */
export const fillPlain = (line: string, values: Values, isRightToLeft: boolean): string => fill(line, values, (value) => (isRightToLeft ? `${FIRST_STRONG}${value}${END}` : value));

/** Text as HTML shows it. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const lines = (text: string): string => escapeHtml(text).replaceAll('\n', '<br>');

/** A line of HTML in which nothing is markup, neither of the line nor of its values. */
export const fillHtml = (line: string, values: Values): string => fill(line, values, (value) => `<bdi>${lines(value)}</bdi>`, lines);
