import { attributeNamed, valueOf, type Attribute, type AttributePath, type ResourceSchema } from './attribute.ts';
import { comparators, type Comparator, type Filter } from './filter.ts';

const longest = 10_000;
const mostTerms = 200;
const deepest = 20;

const name = /(?:(urn(?::[\w.-]+)+):)?([A-Za-z$][\w$-]*)(?:\.([A-Za-z$][\w$-]*))?/iy;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])/y;
const quoted = /"(?:[^"\\]|\\.)*"/sy;

/** What a PATCH changes: an attribute, or those of its values that fit a filter; all of it, or a part. */
export interface PatchPath extends AttributePath {
  filter?: Filter;
}

/** An attribute of the standard, or of others, that is not kept here. */
export const ignored = Symbol('an attribute that is not kept');

/** Reads a filter. Throws what `fail` makes of what is wrong with it. */
export const parseFilter = (text: string, schema: ResourceSchema, fail: (problem: string) => Error): Filter => new FilterParser(text, schema, fail).filter();

/** Reads what a PATCH names (RFC 7644 §3.5.2). Throws what `fail` makes of what is wrong with it. */
export const parsePath = (text: string, schema: ResourceSchema, fail: (problem: string) => Error): PatchPath | typeof ignored => new FilterParser(text, schema, fail).path();

class FilterParser {
  readonly #text: string;
  readonly #schema: ResourceSchema;
  readonly #fail: (problem: string) => Error;
  #at = 0;
  #terms = 0;
  #depth = 0;
  /** The attribute whose parts are named: within brackets. */
  #within: Attribute | undefined;

  constructor(text: string, schema: ResourceSchema, fail: (problem: string) => Error) {
    this.#text = text;
    this.#schema = schema;
    this.#fail = fail;
    if (text.length > longest) throw fail(`it is longer than ${longest} characters`);
  }

  filter(): Filter {
    const filter = this.#or();
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#wrong('here it should end');
    return filter;
  }

  path(): PatchPath | typeof ignored {
    const path = this.#path(true);
    if (path === ignored) return ignored;
    const filter = this.#takes('[') ? this.#inBrackets(path) : undefined;
    const sub = filter && this.#takes('.') ? this.#part(path.attribute, this.#word()) : path.sub;
    if (this.#at < this.#text.length) throw this.#wrong('here it should end');
    return { attribute: path.attribute, ...(sub && { sub }), ...(filter && { filter }) };
  }

  #or(): Filter {
    const parts = [this.#and()];
    while (this.#keyword('or')) parts.push(this.#and());
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  #and(): Filter {
    const parts = [this.#term()];
    while (this.#keyword('and')) parts.push(this.#term());
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  #term(): Filter {
    if (++this.#terms > mostTerms) throw this.#wrong(`it has more than ${mostTerms} terms`);
    this.#blanks();
    if (this.#negated()) return { kind: 'not', part: this.#inParentheses() };
    if (this.#text[this.#at] === '(') return this.#inParentheses();
    return this.#expression();
  }

  /** `not` stands before parentheses; elsewhere it is a name. */
  #negated(): boolean {
    const found = /not\s*(?=\()/iy;
    found.lastIndex = this.#at;
    return this.#match(found) !== undefined;
  }

  #inParentheses(): Filter {
    this.#takes('(');
    if (++this.#depth > deepest) throw this.#wrong(`it is deeper than ${deepest} levels`);
    const filter = this.#or();
    this.#blanks();
    if (!this.#takes(')')) throw this.#wrong('a ")" is missing');
    this.#depth--;
    return filter;
  }

  #expression(): Filter {
    const path = this.#path(false) as AttributePath;
    if (this.#takes('[')) return { kind: 'some', path, part: this.#inBrackets(path) };
    this.#blanks();
    const word = (this.#match(/[a-z]{2}/iy) ?? '').toLowerCase();
    if (word === 'pr') return { kind: 'present', path };
    if (!comparators.includes(word)) throw this.#wrong(`here one of pr, ${comparators.join(', ')} must stand`);
    return this.#compared(path, word as Comparator);
  }

  #compared(path: AttributePath, comparator: Comparator): Filter {
    this.#blanks();
    const compared = comparable(path);
    if (!compared) throw this.#wrong(`${path.attribute.name} has parts: name the one that is compared`);
    return { kind: 'compare', path: compared, comparator, value: this.#value() };
  }

  #inBrackets(path: AttributePath): Filter {
    if (this.#within || path.sub || !path.attribute.multiValued || !path.attribute.subAttributes) throw this.#wrong(`${path.attribute.name} has not several values to choose from`);
    this.#within = path.attribute;
    const filter = this.#or();
    this.#within = undefined;
    this.#blanks();
    if (!this.#takes(']')) throw this.#wrong('a "]" is missing');
    return filter;
  }

  #path(mayBeIgnored: boolean): AttributePath | typeof ignored {
    this.#blanks();
    name.lastIndex = this.#at;
    const found = name.exec(this.#text);
    if (!found) throw this.#wrong('here the name of an attribute must stand');
    const [whole, urn, first, second] = found;
    if (this.#within) {
      if (urn || second) throw this.#wrong(`within brackets parts of ${this.#within.name} are named`);
      this.#at += whole.length;
      return { attribute: this.#part(this.#within, first!) };
    }
    const path = this.#resolve(urn, first!, second);
    if (path === ignored && !mayBeIgnored) throw this.#wrong(`${whole} is not kept here`);
    this.#at = path === ignored ? this.#text.length : this.#at + whole.length;
    return path;
  }

  #resolve(urn: string | undefined, first: string, second: string | undefined): AttributePath | typeof ignored {
    const { id, attributes, ignored: others } = this.#schema;
    if (urn !== undefined && urn.toLowerCase() !== id.toLowerCase()) return ignored;
    if (others.some((each) => each.toLowerCase() === first.toLowerCase())) return ignored;
    const attribute = attributeNamed(attributes, first);
    if (!attribute) throw this.#wrong(`there is no attribute ${first.slice(0, 60)}`);
    return second === undefined ? { attribute } : { attribute, sub: this.#part(attribute, second) };
  }

  #part({ name: whole, subAttributes = [] }: Attribute, part: string): Attribute {
    const found = attributeNamed(subAttributes, part);
    if (!found) throw this.#wrong(`${whole} has no part ${part.slice(0, 60)}`);
    return found;
  }

  #value(): string | number | boolean | null {
    const text = this.#match(quoted) ?? this.#match(number) ?? this.#match(/(?:true|false|null)\b/iy)?.toLowerCase();
    if (text === undefined) throw this.#wrong('here a value must stand: a text in double quotes, a number, true, false or null');
    const value = json(text);
    if (value === undefined) throw this.#wrong('the text before this is no JSON text');
    // PostgreSQL keeps neither of them in a text.
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) throw this.#wrong('the text before this has a character that is not valid');
    return value;
  }

  #keyword(word: string): boolean {
    const found = new RegExp(`\\s*\\b${word}\\b`, 'iy');
    found.lastIndex = this.#at;
    return this.#match(found) !== undefined;
  }

  #word(): string {
    return this.#match(/[A-Za-z$][\w$-]*/y) ?? '';
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #takes(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #blanks = (): void => void this.#match(/\s*/y);
  #wrong = (problem: string): Error => this.#fail(`${problem}, at character ${this.#at + 1}`);
}

/** What of a path is compared: of several values with parts, their `value`. Nothing if it would have to be said. */
function comparable({ attribute, sub }: AttributePath): AttributePath | undefined {
  if (sub || attribute.type !== 'complex') return sub ? { attribute, sub } : { attribute };
  const value = attribute.multiValued && valueOf(attribute);
  return value ? { attribute, sub: value } : undefined;
}

function json(text: string): string | number | boolean | null | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}
