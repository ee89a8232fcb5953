import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How a guide says where a block of code goes; the last of these before the block counts. */
const place = /Create\s+`(?<created>[^`]+)`|[Ii]n\s+`(?<changed>[^`]+)`,\s+(?<how>after|before|replace)\s+`(?<line>[^`]+)`|end\s+of\s+`(?<ended>[^`]+)`/g;
const block = /^(?<indent> *)```(?!sh\b)\w+\n(?<code>.*?)^ *```$/gms;

/**
 * Does what a guide says, to the letter: puts each of its blocks of code where the sentence before it says. Gives the
 * files that it made or changed. Throws for a block that says no place, and for a place that is not there exactly once.
 */
export function followGuide(tree: string, guide: string): string[] {
  const files = new Set<string>();
  let read = 0;
  for (const found of guide.matchAll(block)) {
    const said = [...guide.slice(read, found.index).matchAll(place)].at(-1)?.groups;
    read = found.index + found[0].length;
    const { indent, code } = found.groups!;
    const lines = code!.replace(/\n$/, '').split('\n').map((line) => line.slice(indent!.length));
    if (!said) throw new Error(`the guide does not say where this goes:\n${lines.join('\n')}`);
    const file = said.created ?? said.changed ?? said.ended!;
    put(join(tree, file), lines, said);
    files.add(file);
  }
  return [...files];
}

function put(file: string, lines: string[], { created, ended, how, line }: Record<string, string | undefined>): void {
  if (created !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${lines.join('\n')}\n`, { flag: 'wx' });
    return;
  }
  const before = readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');
  const places = before.flatMap((text, at) => (line !== undefined && text.includes(line) ? [at] : []));
  if (ended === undefined && places.length !== 1) throw new Error(`${file} has ${places.length} lines with ${line}`);
  const at = ended !== undefined ? before.length : places[0]! + (how === 'after' ? 1 : 0);
  writeFileSync(file, `${before.toSpliced(at, how === 'replace' ? 1 : 0, ...lines).join('\n')}\n`);
}
