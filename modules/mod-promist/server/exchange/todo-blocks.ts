/** After so many lines others may have a turn. */
const linesAtOnce = 2000;

/** The lines of one to-do, unfolded, with where it and each of them begins; or why they can't be read, with the line where that is. */
export type TodoBlock = { line: number; lines: readonly TextLine[] } | { line: number; refused: string };

/** One line of a file, unfolded, with the number of its first physical line. */
export interface TextLine {
  line: number;
  content: string;
}

const mostCharacters = 256 * 1024;
const deepest = 4;

/**
 * Cuts the VTODO components out of an iCalendar text, line by line, so that a broken one harms no other.
 * Takes CRLF, LF and CR, a byte order mark, and folded lines (RFC 5545, 3.1). Gives nothing now and then, for others to have a turn.
 */
export function* todoBlocks(text: string): Generator<TodoBlock | undefined> {
  let block: OpenBlock | undefined;
  for (const unfolded of unfold(text)) {
    if (!unfolded) {
      yield undefined;
      continue;
    }
    const { line, content } = unfolded;
    const [, edge = '', name = ''] = /^(BEGIN|END):\s*([\w-]{1,40})\s*$/i.exec(content.slice(0, 100)) ?? [];
    const begins = edge.toUpperCase() === 'BEGIN';
    const todo = name.toUpperCase() === 'VTODO';
    if (begins && todo) {
      if (block) yield block.close('END:VTODO is missing');
      block = new OpenBlock(line, content);
    } else if (block) {
      block.add(line, content, begins ? 1 : edge ? -1 : 0);
      if (!begins && edge && (todo || /^VCALENDAR$/i.test(name))) {
        yield block.close(todo ? undefined : 'END:VTODO is missing');
        block = undefined;
      }
    }
  }
  if (block) yield block.close('END:VTODO is missing');
}

class OpenBlock {
  readonly #line: number;
  readonly #lines: TextLine[];
  #characters = 0;
  #depth = 1;
  #problem?: { line: number; refused: string };

  constructor(line: number, first: string) {
    this.#line = line;
    this.#lines = [{ line, content: first }];
  }

  add(line: number, content: string, step: -1 | 0 | 1) {
    if (this.#problem) return;
    this.#characters += content.length;
    this.#depth += step;
    if (this.#characters > mostCharacters) this.#problem = { line, refused: 'the to-do is longer than 256 KiB' };
    else if (this.#depth > deepest) this.#problem = { line, refused: 'the to-do is nested too deeply' };
    else if (content && !/[:;]/.test(content)) this.#problem = { line, refused: `the line "${content.slice(0, 60)}" has no colon` };
    else if (content) this.#lines.push({ line, content });
  }

  close(problem?: string): TodoBlock {
    if (problem) return { line: this.#line, refused: problem };
    return this.#problem ?? { line: this.#line, lines: this.#lines };
  }
}

/** The logical lines of a text, and nothing now and then. */
function* unfold(text: string): Generator<TextLine | undefined> {
  let line = 0;
  let first = 1;
  let parts: string[] = [];
  for (const content of physicalLines(text)) {
    line += 1;
    if (line % linesAtOnce === 0) yield undefined;
    if (line > 1 && (content[0] === ' ' || content[0] === '\t')) {
      parts.push(content.slice(1));
      continue;
    }
    if (parts.length) yield { line: first, content: parts.join('') };
    [first, parts] = [line, [content]];
  }
  if (parts.length) yield { line: first, content: parts.join('') };
}

/** Cuts by hand: a regular expression runs out of stack on a line of some megabytes. */
function* physicalLines(text: string): Generator<string> {
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 10 && code !== 13) continue;
    yield text.slice(start, at);
    if (code === 13 && text.charCodeAt(at + 1) === 10) at += 1;
    start = at + 1;
  }
  if (start < text.length) yield text.slice(start);
}
