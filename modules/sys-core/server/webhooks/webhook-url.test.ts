import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { requireUrl } from './webhook-url.ts';

const refused = ['', 'events', '//example.org/x', 'ftp://example.org/', 'file:///etc/passwd', 'javascript:alert(1)', 'https://user:word@example.org/', 'https://user@example.org/', 'https://example.org/#part'];
const refusedOutside = ['http://example.org/', 'https://127.0.0.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://017700000001/', 'https://[::1]/', 'https://[::ffff:127.0.0.1]/', 'https://[fe80::1]/', 'https://169.254.169.254/latest/meta-data', 'https://10.0.0.1:8443/', 'https://①②⑦.0.0.1/'];

test('events are sent to addresses that say nothing but where', () => {
  for (const text of refused) for (const strict of [true, false]) assert.throws(() => requireUrl(text, strict), (error) => reasonOf(error) === 'sys-core.WEBHOOK_URL_INVALID', text);
});

test('where others rely on it they are sent to the public internet alone, and encrypted', () => {
  for (const text of refusedOutside) assert.throws(() => requireUrl(text, true), (error) => reasonOf(error) === 'sys-core.WEBHOOK_URL_INVALID', text);
  for (const text of ['https://example.org/events?of=me', 'https://8.8.8.8:8443/', 'https://[2606:4700::1111]/']) assert.equal(requireUrl(text, true), text);
  assert.equal(requireUrl('http://127.0.0.1:8080/events', false), 'http://127.0.0.1:8080/events');
});
