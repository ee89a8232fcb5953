import type { Comparator, Filter, Literal } from './filter.ts';
import { invalidFilter } from './query-errors.ts';

const longest = 2000;
const deepest = 20;
const mostTerms = 100;

const word = /[^\s()"'=<>!:,]+/y;
const comparator = /<=|>=|!=|[<>=:]/y;
/** A time has colons, which elsewhere compare. */
const time = /\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})/y;
const fieldName = /^[A-Za-z_]\w*$/;

/** What the values inside of parentheses are compared with: in `tags:(a OR b)`, `tags:`. */
interface Subject {
  path: readonly string[];
  comparator: Comparator;
}

/**
 * Reads a filter (AIP-160); undefined if the text is blank. Throws `kernel.INVALID_FILTER` with the position for what
 * can't be understood, and for a filter of more than 2,000 characters, 100 terms or 20 levels.
 */
export function parseFilter(text: string): Filter | undefined {
  if (text.length > longest) throw invalidFilter(`it is longer than ${longest} characters`, longest + 1);
  // PostgreSQL keeps neither of them in a text.
  const unfit = text.search(/\0|\p{Surrogate}/u);
  if (unfit >= 0) throw invalidFilter('this character is not valid', unfit + 1);
  return new FilterParser(text).whole();
}

class FilterParser {
  readonly #text: string;
  #at = 0;
  #terms = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Filter | undefined {
    this.#blanks();
    if (this.#ended()) return undefined;
    const filter = this.#expression();
    if (!this.#ended()) throw this.#wrong('this ")" closes nothing');
    return filter;
  }

  #expression(subject?: Subject): Filter {
    const parts = [this.#factor(subject)];
    for (this.#blanks(); !this.#ended() && !this.#sees(')'); this.#blanks()) {
      this.#keyword('AND');
      parts.push(this.#factor(subject));
    }
    return joined('and', parts);
  }

  #factor(subject?: Subject): Filter {
    const parts = [this.#term(subject)];
    while (this.#keyword('OR')) parts.push(this.#term(subject));
    return joined('or', parts);
  }

  #term(subject?: Subject): Filter {
    if (!this.#keyword('NOT') && !this.#takes('-')) return this.#simple(subject);
    return { kind: 'not', part: this.#simple(subject) };
  }

  #simple(subject?: Subject): Filter {
    this.#blanks();
    if (this.#sees('(')) return this.#composite(subject);
    if (++this.#terms > mostTerms) throw this.#wrong(`it has more than ${mostTerms} terms`);
    const at = this.#at + 1;
    if (subject) return { kind: 'compare', ...subject, value: this.#literal(true), at };
    const value = this.#literal();
    const quoted = this.#text[at - 1] === '"' || this.#text[at - 1] === "'";
    if (this.#sees('(') && !quoted) throw this.#wrong('functions are not known here');
    this.#blanks();
    const found = this.#match(comparator) as Comparator | undefined;
    return found ? this.#restriction(quoted ? '"' : value.join('*'), found, at) : { kind: 'search', value, at };
  }

  #restriction(name: string, found: Comparator, at: number): Filter {
    const path = name.split('.');
    if (!path.every((part) => fieldName.test(part))) throw invalidFilter('before a comparison stands the name of a field', at);
    this.#blanks();
    if (this.#sees('(')) return this.#composite({ path, comparator: found });
    return { kind: 'compare', path, comparator: found, value: this.#literal(true), at };
  }

  #composite(subject?: Subject): Filter {
    const opened = this.#at + 1;
    this.#takes('(');
    if (++this.#depth > deepest) throw this.#wrong(`it is deeper than ${deepest} levels`);
    const filter = this.#expression(subject);
    if (!this.#takes(')')) throw invalidFilter('this "(" is not closed', opened);
    this.#depth--;
    return filter;
  }

  #literal(compared = false): Literal {
    const quote = this.#text[this.#at];
    if (quote === '"' || quote === "'") return this.#quoted(quote);
    const bare = (compared && this.#match(time)) || this.#match(word);
    if (!bare) throw this.#wrong(this.#ended() ? 'something is missing at the end' : 'here a field or a value must stand');
    if (bare === 'AND' || bare === 'OR' || bare === 'NOT') throw invalidFilter(`${bare} needs something on its sides; quote it to look for the word`, this.#at - bare.length + 1);
    return bare.split('*');
  }

  #quoted(quote: string): Literal {
    const opened = this.#at + 1;
    const parts = [''];
    for (this.#at++; !this.#ended(); this.#at++) {
      const char = this.#text[this.#at]!;
      if (char === quote) {
        this.#at++;
        return parts;
      }
      if (char === '*') parts.push('');
      else parts[parts.length - 1] += char === '\\' ? (this.#text[++this.#at] ?? '') : char;
    }
    throw invalidFilter('this text in quotes does not end', opened);
  }

  #keyword(name: string): boolean {
    this.#blanks();
    const after = this.#text[this.#at + name.length];
    if (!this.#text.startsWith(name, this.#at) || (after !== undefined && !/[\s()]/.test(after))) return false;
    this.#at += name.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #blanks(): void {
    while (!this.#ended() && /\s/.test(this.#text[this.#at]!)) this.#at++;
  }

  #takes(char: string): boolean {
    if (!this.#sees(char)) return false;
    this.#at++;
    return true;
  }

  #sees = (char: string): boolean => this.#text[this.#at] === char;
  #ended = (): boolean => this.#at >= this.#text.length;
  #wrong = (problem: string): Error => invalidFilter(problem, this.#at + 1);
}

function joined(kind: 'and' | 'or', parts: readonly Filter[]): Filter {
  if (parts.length === 1) return parts[0]!;
  return { kind, parts: parts.flatMap((part) => (part.kind === kind ? part.parts : [part])) };
}
