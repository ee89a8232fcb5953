import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineModule } from '../module/define-module.ts';
import { secret } from '../module/secret.ts';
import { deploymentWide, perOrg } from './define-settings.ts';
import { settingProblems } from './setting-problems.ts';

const config = z.strictObject({ password: secret().describe('Secret.'), limit: z.int().describe('Most.') });

test('settings that could not work are told by name, all at once', () => {
  const settings = {
    password: perOrg(config.shape.password),
    token: deploymentWide(secret().default('x').describe('Secret.')),
    silent: perOrg(z.int().default(1)),
    empty: perOrg(z.int().describe('Nothing.')),
    'two words': perOrg(z.int().default(1).describe('Misnamed.')),
    limit: perOrg(config.shape.limit),
    deeper: perOrg(z.int().describe('Lies elsewhere.'), { configured: ({ limit }: z.infer<typeof config>) => limit }),
  };
  const problems = settingProblems([defineModule({ name: 'mod-a', config, requires: {}, settings })]);
  const expected = [/password of mod-a is a secret/, /token of mod-a is a secret/, /silent of mod-a has no description/, /empty of mod-a has no value/, /two words of mod-a needs a name/];
  assert.equal(problems.length, expected.length, problems.join('\n'));
  for (const pattern of expected) assert.ok(problems.some((problem) => pattern.test(problem)), String(pattern));
});

test('only one module keeps the settings', () => {
  const store = (name: 'mod-a' | 'mod-b') => defineModule({ name, config: z.strictObject({}), requires: {}, settingsStore: () => ({ changesSince: async () => [] }) });
  assert.match(settingProblems([store('mod-a'), store('mod-b')]).join(), /mod-a and mod-b both keep the settings/);
});
