import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emailLanguages, isWebLink, type EmailTemplate, type EmailText } from '@mainstay/kernel';
import fc from 'fast-check';
import { escapeHtml } from './fill.ts';
import { renderEmail } from './render-email.ts';
import { valueProblems } from './value-problems.ts';

const text: EmailText = { subject: 'About {title}', body: [{ heading: '{title}' }, { text: 'Hello {title}, {long}' }, { code: '{title}' }, { button: '{title}', link: '{link}' }, { note: '{long}' }] };
const template: EmailTemplate = { module: 'mod-probe', name: 'probe', description: '', values: { title: { kind: 'text', example: '' }, long: { kind: 'text', example: '' }, link: { kind: 'link', example: '' } }, texts: {} as EmailTemplate['texts'] };
const nasty = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '{link}', '{title}', '$&', '&amp;', '\u202Egnp.exe', "' onmouseover='", '<!--', ']]>', '</style>'));
const links = fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.constantFrom('https://example.test/?q="><script>', "http://example.test/'onclick='x", 'https://example.test/<b>'));
const language = fc.constantFrom(...emailLanguages);
const tags = (html: string): string => html.replaceAll(/>[^<]+</g, '><').replaceAll(/ href="[^"]*"/g, '');
const plain = renderEmail({ text, language: 'en', values: { title: 'x', long: 'x', link: 'https://example.test/' }, platform: 'x' });

test('whatever values hold, an e-mail has the tags of its template and no others', () => {
  fc.assert(fc.property(nasty, nasty, links, language, (title, long, link, to) => {
    const values = { title, long, link };
    if (valueProblems(template, text, values).length > 0) return;
    const { html } = renderEmail({ text, language: 'en', values, platform: 'x' });
    assert.equal(tags(html).replaceAll('<br>', '').replaceAll(/<bdi><\/bdi>|<bdi>|<\/bdi>/g, ''), tags(plain.html).replaceAll(/<bdi><\/bdi>|<bdi>|<\/bdi>/g, ''));
    assert.doesNotThrow(() => renderEmail({ text, language: to, values, platform: title }));
  }), { numRuns: 300 });
});

test('no value that is let in brings a line break into a header, or a link that is none of the web', () => {
  fc.assert(fc.property(nasty, nasty, nasty, (title, long, link) => {
    const values = { title, long, link };
    if (valueProblems(template, text, values).length > 0) return;
    assert.doesNotMatch(renderEmail({ text, language: 'en', values, platform: 'x' }).subject, /[\r\n\0]/);
    assert.ok(isWebLink(link));
  }), { numRuns: 500 });
  for (const line of ['a\r\nBcc: x', 'a\nb', 'a\0b', 'a\u0085b']) assert.notDeepEqual(valueProblems(template, text, { title: line, long: 'x', link: 'https://example.test/' }), [], JSON.stringify(line));
});

test('escaped text reads as it was', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (given) => {
    const escaped = escapeHtml(given);
    assert.doesNotMatch(escaped, /[<>"']/);
    assert.equal(escaped.replaceAll(/&#(\d+);/g, (_, number: string) => String.fromCharCode(Number(number))), given);
  }));
});

test('characters that turn words around are left out of values', () => {
  assert.equal(renderEmail({ text, language: 'en', values: { title: 'a\u202Eb', long: 'x', link: 'https://example.test/' }, platform: 'x' }).subject, 'About ab');
});
