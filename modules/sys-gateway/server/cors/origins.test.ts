import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isOriginPattern, Origins } from './origins.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => `${labels.join('.')}.test`);
const scheme = fc.constantFrom('http', 'https');
const port = fc.constantFrom('', ':8080', ':3000');

test('an origin allows itself and nothing else', () => {
  fc.assert(fc.property(scheme, host, port, scheme, host, port, (scheme, host, port, otherScheme, otherHost, otherPort) => {
    const origin = `${scheme}://${host}${port}`;
    const other = `${otherScheme}://${otherHost}${otherPort}`;
    const origins = new Origins([origin]);
    assert.ok(isOriginPattern(origin) && origins.has(origin));
    assert.equal(origins.has(other), other === origin);
    for (const near of [`${origin}.evil.test`, `${scheme}://evil${host}${port}`, `${scheme}://${host}.evil.test${port}`, `${origin}/`, `${scheme}://sub.${host}${port}`, 'null', '']) assert.equal(origins.has(near), false, near);
  }));
});

test('a wildcard allows exactly the names below a domain, at the same scheme and port', () => {
  fc.assert(fc.property(scheme, host, port, fc.array(label, { minLength: 1, maxLength: 3 }), (scheme, host, port, labels) => {
    const pattern = `${scheme}://*.${host}${port}`;
    const origins = new Origins([pattern]);
    const sub = labels.join('.');
    assert.ok(isOriginPattern(pattern));
    assert.ok(origins.has(`${scheme}://${sub}.${host}${port}`));
    const other = scheme === 'http' ? 'https' : 'http';
    for (const near of [`${scheme}://${host}${port}`, `${other}://${sub}.${host}${port}`, `${scheme}://${sub}${host}${port}`, `${scheme}://${sub}.${host}${port}1`, `${scheme}://${sub}.${host}.evil.test${port}`, `${scheme}://evil.test/.${host}${port}`, `${scheme}://evil.test:80@.${host}${port}`, `${scheme}://.${host}${port}`, `${scheme}://evil.test#.${host}${port}`]) assert.equal(origins.has(near), false, near);
  }));
});

test('only what browsers write is taken for an origin', () => {
  for (const text of ['https://app.example.com', 'http://localhost:3000', 'https://*.example.com', 'http://[::1]:8080']) assert.ok(isOriginPattern(text), text);
  for (const text of ['*', 'https://*', 'https://*.com', 'https://a.*.com', 'example.com', 'https://example.com/', 'https://Example.com', 'https://example.com:443', 'http://a.b:080', 'http://a.b:70000', 'null', 'file://', 'https://a b.com', 'https://user@example.com']) assert.ok(!isOriginPattern(text), text);
});
