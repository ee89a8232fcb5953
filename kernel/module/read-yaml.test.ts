import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { readYaml } from './read-yaml.ts';

const letters = [...'bcdefghi'];
const bombs: Record<string, [content: string | Buffer, says: RegExp]> = {
  'aliases of aliases': [`name: x\nlist:\n  a: &a [x,x,x,x,x,x,x,x,x]\n${letters.map((letter, index) => `  ${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[index]}`).join()}]\n`).join('')}`, /excessive alias count/],
  'nesting without end': [`list: ${'['.repeat(50_000)}`, /:1: not valid YAML: it is nested too deeply/],
  'keys twice': ['name: x\nlist: {a: 1, a: 2}\n', /:2: not valid YAML: Map keys must be unique/],
  '60,000 keys': [Array.from({ length: 60_000 }, (_, index) => `k${index}: 1`).join('\n'), /k0: unknown key/],
  'tags': ['name: !!js/function x\n', /:1: not valid YAML: Unresolved tag/],
  'Latin-1': [Buffer.from('name: caf\xe9\n', 'latin1'), /not text in UTF-8/],
  'NUL': ['name: "a\0b"\n', /U\+0000/],
  '10 MB': [`name: ${'x'.repeat(10_000_000)}`, /larger than 1048576 bytes/],
};

for (const [what, [content, says]] of Object.entries(bombs)) {
  test(`a file with ${what} is refused with a clear error`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'mainstay-yaml-'));
    try {
      const file = join(folder, 'bomb.yaml');
      writeFileSync(file, content);
      assert.throws(() => readYaml(file, z.strictObject({ name: z.string(), list: z.unknown() })), { name: 'StartError', message: says });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
