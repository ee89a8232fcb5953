import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog } from '@mainstay/kernel/testing';
import { EchoService, LibraryService, startTestServer } from '@mainstay/kernel/testing/test-server';
import fc from 'fast-check';
import { anyCase } from './any-case.ts';
import type { Tree } from './any-tree.ts';
import { FuzzRun } from './fuzz-run.ts';

const methods = [...EchoService.methods, ...LibraryService.methods];
const bookId = fc.constantFrom('1', '2', '3');
const ofBook = (treeOf: (name: string) => Tree) => bookId.map((id) => ({ caller: '', tree: treeOf(`shelves/a/books/${id}`) }));
const examples = {
  CreateBook: bookId.map((id) => ({ caller: '', tree: { parent: 'shelves/a', bookId: id, book: { title: 'A book' } } })),
  GetBook: ofBook((name) => ({ name })),
  UpdateBook: ofBook((name) => ({ book: { name, title: 'Another' } })),
  DeleteBook: ofBook((name) => ({ name })),
  MoveBook: ofBook((name) => ({ name, parent: 'shelves/a' })),
};
const books = ['shelves/a', 'shelves/a/books/1', 'shelves/b/books/x', 'shelves/a/books/1/chapters/2', 'shelves//books/', '1'];

test('whatever is sent to every kind of method and field, 20,000 times, is answered on purpose', { timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-fuzz-'));
  const logFile = join(folder, 'log');
  const server = await startTestServer({ log: createLog({ level: 'error', destination: logFile }) }, { running: 0, produced: 0, faultless: true });
  const run = new FuzzRun({ address: server.address, methods, authorizationOf: () => undefined, probe: 'mainstay.testing.v1.EchoService/GetEcho' });
  t.after(async () => {
    await run.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const known = ({ name }: { name: string }) => (/^(name|parent|other_shelf)$/.test(name) ? books : []);
  const weightOf = ({ name }: { name: string }) => (name === 'Echo' || name === 'CreateEcho' ? 30 : name === 'Count' ? 2 : 10);
  await run.send(anyCase({ methods, callers: [''], orgs: [], known, examples, weightOf }), 20_000);
  for (const line of run.verdicts.lines) t.diagnostic(line);
  run.verdicts.checkMethods(methods, { atLeast: 20, guarded: false });
  assert.equal(readFileSync(logFile, 'utf8'), '');
  const answer = await fetch(`${server.address}/v1/echo/still`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"stringValue":"there"}' });
  const { text, specimen } = (await answer.json()) as { text: string; specimen: { stringValue: string } };
  assert.deepEqual([text, specimen.stringValue], ['still', 'there']);
});
