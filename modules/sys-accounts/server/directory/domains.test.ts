import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainOf } from './domains.ts';

test('the domain of an address is what DNS has, in lower case', () => {
  const domains = { 'ada@Acme.TEST': 'acme.test', 'ada@bücher.example': 'xn--bcher-kva.example', '"a@b"@acme.test': 'acme.test', 'ada@': '', 'ada@a b.test': '' };
  for (const [email, domain] of Object.entries(domains)) assert.equal(domainOf(email), domain, email);
});
