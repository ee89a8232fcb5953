import { createScanner } from 'jsonc-parser';

/** The text of one element of the list, with the line where it begins; or why the file can't be read on from there. */
export type JsonElement = { line: number; text: string } | { line: number; refused: string };

/** After so many tokens others may have a turn. */
const tokensAtOnce = 20_000;

/** The values of `SyntaxKind`, a const enum that exists only for compilers that inline it. */
const kind = { openBrace: 1, closeBrace: 2, openBracket: 3, closeBracket: 4, comma: 5, colon: 6, string: 10, end: 17 } as const;

/**
 * Cuts the elements out of `{"promises": [...]}` or `[...]` without building the whole file in memory, so that
 * a broken element is reported with its line and harms no other. Nesting costs no stack. Gives nothing now and then, for others
 * to have a turn.
 */
export function* jsonElements(text: string): Generator<JsonElement | undefined> {
  const scanner = createScanner(text, true);
  if (!(yield* enterList(scanner))) return yield { line: scanner.getTokenStartLine() + 1, refused: 'the file must hold {"promises": [...]}' };
  for (let depth = 0, start = -1, line = 1, tokens = 1; ; tokens++) {
    if (tokens % tokensAtOnce === 0) yield undefined;
    const token = scanner.scan() as number;
    const offset = scanner.getTokenOffset();
    if (token === kind.end) {
      if (depth > 0) return yield { line, refused: 'the promise does not end' };
      if (start >= 0) yield { line, text: text.slice(start) };
      return yield { line: scanner.getTokenStartLine() + 1, refused: 'the list of promises does not end' };
    }
    if (depth === 0 && (token === kind.comma || token === kind.closeBracket)) {
      if (start >= 0) yield { line, text: text.slice(start, offset) };
      if (token === kind.closeBracket) return;
      start = -1;
      continue;
    }
    if (start < 0) [start, line] = [offset, scanner.getTokenStartLine() + 1];
    if (token === kind.openBrace || token === kind.openBracket) depth += 1;
    if (token === kind.closeBrace || token === kind.closeBracket) depth = Math.max(0, depth - 1);
  }
}

/** Moves to the first element of the list; false if there is no list. */
function* enterList(scanner: ReturnType<typeof createScanner>): Generator<undefined, boolean> {
  let depth = 0;
  let token = scanner.scan() as number;
  if (token === kind.openBracket) return true;
  if (token !== kind.openBrace) return false;
  for (let tokens = 1; token !== kind.end; tokens++) {
    if (tokens % tokensAtOnce === 0) yield undefined;
    const named = depth === 0 && token !== kind.end;
    token = scanner.scan() as number;
    if (token === kind.openBrace || token === kind.openBracket) depth += 1;
    else if (token === kind.closeBrace || token === kind.closeBracket) depth -= 1;
    else if (named && token === kind.string && scanner.getTokenValue() === 'promises') {
      if ((scanner.scan() as number) === kind.colon) return (scanner.scan() as number) === kind.openBracket;
    }
    if (depth < 0) return false;
  }
  return false;
}
