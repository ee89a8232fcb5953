import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { reasonOf } from '../errors/define-errors.ts';
import { hmacOfBody, signStandard, standardWebhooks } from './signature.ts';

// The vector that the specification's own libraries are tested with.
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const [id, timestamp, body] = ['msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', Buffer.from('{"test": 2432232314}')];
const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const then = new Date(1614265330 * 1000);
const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
const refuses = (reason: string, work: () => unknown) => assert.throws(work, (error) => reasonOf(error) === `kernel.${reason}`);

test('a signature is that of the published vector', () => {
  assert.equal(signStandard(secret, id, timestamp, body), signature);
  assert.equal(standardWebhooks({ headers, body }, [secret], then), id);
});

test('while a secret is changed either counts, and of several signatures one', () => {
  const other = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
  assert.equal(standardWebhooks({ headers, body }, [other, secret], then), id);
  assert.equal(standardWebhooks({ headers: { ...headers, 'webhook-signature': `v1a,xyz v1,aGVsbG8= ${signature}` }, body }, [secret], then), id);
  refuses('WEBHOOK_SIGNATURE_INVALID', () => standardWebhooks({ headers, body }, [other], then));
});

test('a webhook is refused if its time is more than five minutes off, and if it has none', () => {
  for (const seconds of [-300, 300]) assert.equal(standardWebhooks({ headers, body }, [secret], new Date(then.getTime() + seconds * 1000)), id);
  for (const seconds of [-301, 301]) refuses('WEBHOOK_TIME_INVALID', () => standardWebhooks({ headers, body }, [secret], new Date(then.getTime() + seconds * 1000)));
  refuses('WEBHOOK_TIME_INVALID', () => standardWebhooks({ headers: { ...headers, 'webhook-timestamp': 'NaN' }, body }, [secret], then));
  refuses('WEBHOOK_HEADERS_MISSING', () => standardWebhooks({ headers: { 'webhook-id': id }, body }, [secret], then));
});

test('whatever is changed of id, time or body, the signature does not fit', () => {
  const changed = fc.tuple(fc.constantFrom('id', 'body', 'signature'), fc.nat(200), fc.integer({ min: 1, max: 90 })).map(([what, at, by]) => {
    const bend = (text: string) => { const place = at % text.length; return text.slice(0, place) + String.fromCharCode(33 + ((text.charCodeAt(place) - 33 + by) % 94)) + text.slice(place + 1); };
    return { headers: { ...headers, ...(what === 'id' && { 'webhook-id': bend(id) }), ...(what === 'signature' && { 'webhook-signature': bend(signature) }) }, body: what === 'body' ? Buffer.from(bend(body.toString())) : body };
  }).filter((given) => JSON.stringify(given) !== JSON.stringify({ headers, body }));
  fc.assert(fc.property(changed, (given) => refuses('WEBHOOK_SIGNATURE_INVALID', () => standardWebhooks(given, [secret], then))));
  refuses('WEBHOOK_SIGNATURE_INVALID', () => standardWebhooks({ headers: { ...headers, 'webhook-timestamp': '1614265331' }, body }, [secret], then));
});

test('the way of senders that sign the body alone is configured', () => {
  const scheme = hmacOfBody({ header: 'X-Hub-Signature-256', prefix: 'sha256=', idHeader: 'X-GitHub-Delivery' });
  const signed = `sha256=${createHmac('sha256', 'key').update(body).digest('hex')}`;
  assert.equal(scheme({ headers: { 'x-hub-signature-256': signed, 'x-github-delivery': 'd1' }, body }, ['old', 'key'], then), 'd1');
  refuses('WEBHOOK_SIGNATURE_INVALID', () => scheme({ headers: { 'x-hub-signature-256': signed, 'x-github-delivery': 'd1' }, body }, ['old'], then));
  refuses('WEBHOOK_HEADERS_MISSING', () => scheme({ headers: { 'x-hub-signature-256': signed }, body }, ['key'], then));
  const plain = hmacOfBody({ header: 'x-signature', algorithm: 'sha1', encoding: 'base64' });
  const ids = ['a', 'b', 'a'].map((text) => plain({ headers: { 'x-signature': createHmac('sha1', 'key').update(text).digest('base64') }, body: Buffer.from(text) }, ['key'], then));
  assert.deepEqual([new Set(ids).size, ids[0]], [2, ids[2]]);
});
