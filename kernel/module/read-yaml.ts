import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { StartError } from './start-error.ts';

/**
 * Reads a strict YAML 1.2 file and checks it against `schema`.
 * Throws a `StartError` with one line a problem: file, line, key and what is allowed there.
 */
export function readYaml<S extends z.ZodType>(file: string, schema: S): z.infer<S> {
  const lines = new LineCounter();
  const document = parseDocument(textOf(file), { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({ at: pos[0], message: message.startsWith('Maximum call stack') ? 'it is nested too deeply' : firstLine(message) }));
  // One fault brings others with it: the first few say enough.
  const wrong = (faults.length > 0 ? faults : repeatedKeys(document)).slice(0, 20);
  if (wrong.length > 0) throw new StartError(wrong.map(({ at, message }) => `${file}:${lines.linePos(at).line}: not valid YAML: ${message}`));
  // Compiling a schema takes longer than to go through it once.
  const result = schema.safeParse(contentOf(file, document), { jitless: true });
  if (result.success) return result.data;
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const problems = result.error.issues.flatMap((issue) => explain(issue, shape)).slice(0, 100).map(({ path, text }) => `${file}:${lineOf(document, lines, path)}: ${text}`);
  throw new StartError(problems);
}

/** The library compares each key with each other, which takes minutes where there are 60,000. */
function repeatedKeys(document: Document): { at: number; message: string }[] {
  const repeated: { at: number; message: string }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) repeated.push({ at: key.range?.[0] ?? 0, message: 'Map keys must be unique' });
        seen.add(key.value);
      }
    },
  });
  return repeated;
}

const mostBytes = 1024 * 1024;

function textOf(file: string): string {
  const bytes = bytesOf(file);
  if (!isUtf8(bytes)) throw new StartError([`${file}: not text in UTF-8; save it as UTF-8`]);
  if (bytes.includes(0)) throw new StartError([`${file}: it holds the character U+0000; take it out`]);
  return bytes.toString('utf8');
}

function bytesOf(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    return readFileSync(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StartError([missing ? `${file}: no such file` : `${file}: cannot be read: ${(error as Error).message}`]);
  }
}

function contentOf(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw new StartError([`${file}: not valid YAML: ${lowered((error as Error).message)}`]);
  }
}

interface Problem {
  path: PropertyKey[];
  text: string;
}
type Shape = z.core.JSONSchema.BaseSchema;

function explain(issue: z.core.$ZodIssue, shape: Shape): Problem[] {
  const key = issue.path.join('.') || 'the file';
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, text: `${key}: ${lowered(issue.message)}` }];
  const allowed = Object.keys(shapeAt(shape, issue.path)?.properties ?? {});
  // A schema may know better what to do than to look for the right key.
  const problem = issue.message.startsWith('Unrecognized key') ? 'unknown key' : issue.message;
  return issue.keys.map((unknown) => ({
    path: [...issue.path, unknown],
    text: `${[...issue.path, unknown].join('.')}: ${problem}; allowed here: ${allowed.join(', ') || 'nothing'}`,
  }));
}

function shapeAt(shape: Shape, path: PropertyKey[]): Shape | undefined {
  return path.reduce<Shape | undefined>((at, key) => {
    const within = at?.properties?.[String(key)] ?? at?.additionalProperties;
    if (typeof within !== 'object') return undefined;
    return (within.anyOf?.find((choice) => typeof choice === 'object' && choice.properties) as Shape | undefined) ?? within;
  }, shape);
}

/** The line of a key, or of the nearest one around it that the file has. */
function lineOf(document: Document, lines: LineCounter, path: PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const around = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const pair = isMap(around) ? around.items.find(({ key }) => isScalar(key) && key.value === path[length - 1]) : undefined;
    if (pair && isNode(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    const item = document.getIn(path.slice(0, length), true);
    if (isNode(item) && item.range) return lines.linePos(item.range[0]).line;
  }
  return 1;
}

const firstLine = (text: string) => text.split('\n')[0]!;
const lowered = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
