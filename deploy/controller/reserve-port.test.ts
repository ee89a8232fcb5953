import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { anyFreePort, freePorts } from './free-port.ts';
import { chosenHere, reservePort } from './reserve-port.ts';

/** A folder in place of the system's for temporary files. */
function temporaryFolder(t: TestContext): string {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
  process.env.TMPDIR = folder;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('a port that was chosen is chosen by nobody else for a minute', (t) => {
  const folder = temporaryFolder(t);
  assert.deepEqual([reservePort(12_345), reservePort(12_345), reservePort(12_346)], [true, false, true]);
  const [reserved] = readdirSync(folder);
  const anHourAgo = Date.now() / 1000 - 3600;
  utimesSync(join(folder, reserved!, '12345'), anHourAgo, anHourAgo);
  assert.deepEqual([reservePort(12_345), reservePort(12_346)], [true, false]);
});

test('what somebody else put in the place of the reservations is left alone, and ports are chosen all the same', (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, `mainstay-ports-${userInfo().uid}`);
  const theirs = join(folder, 'theirs');
  mkdirSync(theirs);
  writeFileSync(join(theirs, 'old'), 'kept');
  utimesSync(join(theirs, 'old'), 0, 0);
  symlinkSync(theirs, place);
  assert.equal(reservePort(12_345), true);
  assert.deepEqual(readdirSync(theirs), ['old']);
  rmSync(place);
  writeFileSync(place, '');
  assert.equal(reservePort(12_345), true);
});

test('a port that was chosen is none that the system gives to whoever wants any', async () => {
  const [from, to] = chosenHere();
  for (const port of await freePorts('localhost', 20)) assert.ok(port >= from && port < to, String(port));
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  server.close();
  assert.ok(port < from || port >= to, `the system gave ${port}`);
});

test('where it is not possible to listen, that is told', async () => {
  await assert.rejects(anyFreePort('192.0.2.1'), /it is not possible to listen on 192\.0\.2\.1: EADDRNOTAVAIL/);
});
