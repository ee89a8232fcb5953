import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { Browser } from '../../testing/browser.ts';
import { startApache, withoutApache } from '../../testing/judges/apache.ts';
import { ada, newClient, password, redirectUri } from '../../testing/oauth-client.ts';

// Where Debian has its packages, whatever else is called python3 here.
const python = '/usr/bin/python3';
const withoutAuthlib = spawnSync(python, ['-c', 'import authlib, requests']).status === 0 ? false : 'needs the engine python3-authlib';

let deployment: TestDeployment;
before(async () => void (deployment = await startDeployment()));
after(() => deployment.stop());

/** Goes through login and consent; gives where the browser is sent to. */
async function goThrough(url: string): Promise<string> {
  const browser = new Browser(deployment.address);
  const page = await browser.submit(await browser.open(url), { email: ada, password });
  return (await browser.submit(page, { allow: 'yes' })).url;
}

test('Authlib logs a person in, verifies what it is told, refreshes, asks and revokes', { skip: withoutAuthlib }, async () => {
  const { client, secret } = await newClient(deployment);
  const child = spawn(python, [join(import.meta.dirname, '../../testing/judges/authlib-client.py'), deployment.address, client.client_id, secret, redirectUri], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value: url } = await lines.next();
  child.stdin.end(`${await goThrough(url!)}\n`);
  const { value: learnt } = await lines.next();
  assert.deepEqual(JSON.parse(learnt!), { email: ada, userinfo: ada, same: true, active: true, revoked: 200, after: false });
});

test('Apache lets in whom mod_auth_openidc logged in here, and knows who they are', { skip: withoutApache }, async () => {
  const apache = await startApache(deployment.address, async (uri) => {
    const { client, secret } = await newClient(deployment, { redirectUris: [uri] });
    return { id: client.client_id, secret };
  });
  try {
    const browser = new Browser(apache.address);
    const asked = await browser.open('/private/');
    assert.ok(asked.url.startsWith(`${deployment.address}/oauth2/authorize?`), asked.url);
    const page = await browser.open(await goThrough(asked.url));
    assert.deepEqual([page.status, page.text, page.headers.get('x-email')], [200, 'for members\n', ada]);
  } finally {
    await apache.stop();
  }
});
