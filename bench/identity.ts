/**
 * What the identity provider does a second, and what the guard takes for a call: tokens for client credentials, refreshes, verifying a
 * token, deciding; and what lists take. Beside it what signing alone takes (ES256 by `jose`, the library that both use), on the same core at the same time of
 * day. The provider, PostgreSQL and the load share the machine.
 *
 * `node bench/identity.ts [seconds a measurement] [rounds] [connections]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { create } from '../node_modules/@bufbuild/protobuf/dist/esm/index.js';
import type { AccessRequest } from '../kernel/index.ts';
import { AccessSchema } from '../kernel/contract/gen/mainstay/annotations_pb.js';
import { PromisesService } from '../modules/mod-promist/contract/index.ts';
import { createDecide } from '../modules/sys-core/server/decide.ts';
import { createTokenVerifier } from '../modules/sys-core/server/token-verifier.ts';
import { conditions } from './conditions.ts';
import { fillAccounts, timeLists } from './identity/lists.ts';
import { hashesAlone, logins } from './identity/logging-in.ts';
import { refreshing, type Refreshed } from './identity/refreshing.ts';
import { median, percentile } from './percentile.ts';
import { startMainstay } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { medianRun, requireWrk, wrk } from './rest/wrk.ts';

const seconds = Number(process.argv[2] ?? 8);
const rounds = Number(process.argv[3] ?? 3);
const connections = Number(process.argv[4] ?? 32);

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const app = await startMainstay(folder, postgres.adminUrl('bench'));
try {
  console.log(conditions());
  console.log(`${connections} connections, ${rounds} rounds of ${seconds} s each, the median of which is shown\n`);
  await clientCredentials();
  await refreshes();
  await signing();
  await verifying();
  deciding();
  await loggingIn();
  await lists();
} finally {
  await app.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function clientCredentials(): Promise<void> {
  const { accessToken } = await post('/v1/sessions', '', { email: 'olga@acme.test', password: 'mainstay-demo' });
  const { oauthClient, clientSecret } = await post('/v1/oauthClients', accessToken, { name: 'bench', grants: ['CLIENT_CREDENTIALS'], serviceRole: 'USER' });
  const basic = Buffer.from(`${oauthClient.oauthClientId}:${clientSecret}`).toString('base64');
  const script = `
local headers = { ["authorization"] = "Basic ${basic}", ["content-type"] = "application/x-www-form-urlencoded" }
request = function() return wrk.format("POST", "/oauth2/token", headers, "grant_type=client_credentials&scope=api") end
`;
  await wrk({ script, address: app.address, connections, seconds: 5 });
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const before = processorSeconds(app.pid);
    const run = await wrk({ script, address: app.address, connections, seconds });
    runs.push({ ...run, micros: ((processorSeconds(app.pid) - before) / run.requests) * 1e6 });
  }
  const { perSecond, p50, p99, errors, micros } = medianRun(runs);
  console.log(`tokens by client credentials: ${perSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${micros.toFixed(0)} µs of processor time each, ${errors} errors`);
}

async function refreshes(): Promise<void> {
  await refreshing(app.address, connections, 3);
  const runs: Refreshed[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await refreshing(app.address, connections, seconds));
  const { perSecond, p50, p99, errors } = medianRun(runs);
  console.log(`refreshes: ${perSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${errors} errors`);
}

async function signing(): Promise<void> {
  const { privateKey } = await generateKeyPair('ES256');
  const sign = () => new SignJWT({ sub: 'somebody', scope: 'api' }).setProtectedHeader({ alg: 'ES256' }).setIssuedAt().setExpirationTime('10m').sign(privateKey);
  for (let count = 0; count < 500; count++) await sign();
  const began = performance.now();
  for (let count = 0; count < 5000; count++) await sign();
  console.log(`signing alone: ${(5000 / ((performance.now() - began) / 1000)).toFixed(0)} a second, one at a time`);
}

async function verifying(): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' };
  const id = '0197a000-0000-7000-8000-000000000001';
  const token = (jti: number) => new SignJWT({ sid: id, jti: String(jti) }).setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'at+jwt' }).setIssuer('https://a.test').setAudience('https://a.test').setSubject(id).setExpirationTime('10m').sign(privateKey);
  const tokens = await Promise.all(Array.from({ length: 3000 }, (_, jti) => token(jti)));
  const verify = createTokenVerifier({ issuer: 'https://a.test', audience: ['https://a.test'], readKeys: async () => [jwk] });
  const timed = async () => {
    const times: number[] = [];
    for (const one of tokens) {
      const began = performance.now();
      await verify(one);
      times.push((performance.now() - began) * 1000);
    }
    return times.slice(1000);
  };
  const [cold, cached] = [await timed(), await timed()];
  for (const [what, times] of [['for the first time', cold], ['again', cached]] as const) console.log(`a token is verified ${what}: p50 ${median(times).toFixed(1)} µs, p99 ${percentile(times, 0.99).toFixed(1)} µs`);
}

async function loggingIn(): Promise<void> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) pairs.push([await hashesAlone(seconds), await logins(app.address, seconds)]);
  const [alone, all] = [median(pairs.map(([first]) => first)), median(pairs.map(([, second]) => second))];
  console.log(`logins, two at once: ${all.toFixed(1)} a second; hashes of passwords alone: ${alone.toFixed(1)}; ratio ${(all / alone).toFixed(2)}`);
}

async function lists(): Promise<void> {
  await fillAccounts(postgres.adminUrl('bench'), app);
  console.log('\nlists of 100,000 accounts and as many orgs, one question at a time, in milliseconds:\n\n| list | who asks | questions | p50 | p99 | the slowest question | its p50 |\n| --- | --- | --- | --- | --- | --- | --- |');
  for (const email of ['root@mainstay.test', 'olga@acme.test']) {
    const { accessToken, orgId } = await post('/v1/sessions', '', { email, password: 'mainstay-demo' });
    for (const { method, questions, p50, p99, slowest, slowestP50 } of await timeLists(app.address, accessToken, { org_id: orgId })) console.log(`| ${method} | ${email.split('@')[0]} | ${questions} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | \`${slowest.replaceAll('|', '\\|')}\` | ${slowestP50.toFixed(1)} |`);
  }
}

async function post(path: string, as: string, body: object): Promise<any> {
  return (await fetch(app.address + path, { method: 'POST', headers: { ...(as && { authorization: `Bearer ${as}` }), 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
}

function deciding(): void {
  const roles = [{ role: 'USER' as const, orgId: 'o' }];
  const method = PromisesService.methods.find(({ name }) => name === 'GetPromise')!;
  const request: AccessRequest = { principal: { kind: 'account', accountId: 'a', orgId: 'o', sessionId: 's', roles }, module: 'mod-promist', method, access: create(AccessSchema, { rule: { case: 'permission', value: 'promist.promises.get' } }) };
  const decide = createDecide({ rules: [{ role: 'USER', may: ['promist.promises.*'] }], requires: new Map() });
  const times: number[] = [];
  for (let batch = 0; batch < 2000; batch++) {
    const began = performance.now();
    for (let count = 0; count < 100; count++) decide(request);
    times.push(((performance.now() - began) * 1000) / 100);
  }
  console.log(`a call is decided: p50 ${median(times.slice(500)).toFixed(2)} µs, p99 ${percentile(times.slice(500), 0.99).toFixed(2)} µs (of hundreds)`);
}
