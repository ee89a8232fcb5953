import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { passkeyScript } from './passkey-script.ts';

/** The fields of a form of the page, and what its script does with them when its button is pressed. */
async function press(options: string, answer: { ok: boolean; json?: object }) {
  const elements = { login_token: { value: options && 'given' }, passkey_options: { value: options }, passkey: { value: '' } };
  const done = { shown: false, asked: [] as string[], used: [] as unknown[], sent: false, focused: false };
  let submit: (event: object) => Promise<void> = async () => {};
  const form = {
    elements,
    set hidden(hidden: boolean) {
      done.shown = !hidden;
    },
    addEventListener: (_: string, listener: typeof submit) => void (submit = listener),
    querySelector: () => ({ focus: () => void (done.focused = true) }),
    submit: () => void (done.sent = true),
  };
  const PublicKeyCredential = { parseRequestOptionsFromJSON: (json: unknown) => json };
  runInNewContext(passkeyScript, {
    window: { PublicKeyCredential },
    PublicKeyCredential,
    document: { querySelectorAll: () => [form] },
    navigator: { credentials: { get: async ({ publicKey }: { publicKey: unknown }) => (done.used.push(publicKey), { toJSON: () => ({ signed: true }) }) } },
    fetch: async (path: string, { method }: RequestInit) => (done.asked.push(`${method} ${path}`), { ok: answer.ok, json: async () => answer.json }),
  });
  await submit({ preventDefault() {} });
  return { elements, ...done };
}

test('a form without options asks for them when its button is pressed, not before', async () => {
  const { shown, asked, used, sent, elements } = await press('', { ok: true, json: { loginToken: 'a token', passkeyOptions: '{"challenge":"x"}' } });
  assert.deepEqual([shown, asked, sent], [true, ['POST /v1/sessions:beginPasskeyLogin'], true]);
  assert.deepEqual([elements.login_token.value, elements.passkey_options.value, elements.passkey.value, used.length], ['a token', '{"challenge":"x"}', '{"signed":true}', 1]);
});

test('a form that has its options asks for none, and where none come nothing is sent', async () => {
  const given = await press('{"challenge":"x"}', { ok: false });
  assert.deepEqual([given.asked, given.sent, given.elements.login_token.value], [[], true, 'given']);
  const refused = await press('', { ok: false });
  assert.deepEqual([refused.used, refused.sent, refused.focused], [[], false, true]);
});
