import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { DeploymentInfo, Phase } from '@mainstay/kernel';
import { OidcSettingsSchema } from '../../contract/index.ts';
import type { Config } from '../../config.ts';
import { askProvider } from './openid/ask-provider.ts';
import { requireSettings } from './provider-settings.ts';

const needs = (phase: Phase, innerIdentityProviders: boolean) => ({ config: { innerIdentityProviders } as Config, deployment: { phase } as DeploymentInfo });
const isTaken = (issuer: string, phase: Phase, inner = false): boolean => {
  try {
    requireSettings(needs(phase, inner), { case: 'oidc', value: create(OidcSettingsSchema, { issuer, clientId: 'x' }) });
    return true;
  } catch {
    return false;
  }
};

test('where others rely on it a provider is on the public internet and has https, unless the deployment lets it be inside', () => {
  assert.deepEqual(['https://8.8.8.8', 'https://login.example.org', 'http://login.example.org', 'https://10.0.0.1', 'https://[::1]'].map((issuer) => isTaken(issuer, 'P')), [true, true, false, false, false]);
  assert.deepEqual(['http://10.0.0.1', 'https://10.0.0.1'].map((issuer) => isTaken(issuer, 'A', true)), [false, true]);
  assert.deepEqual(['http://127.0.0.1:4000', 'https://10.0.0.1'].map((issuer) => isTaken(issuer, 'D')), [true, true]);
});

test('no address inside is asked there, whatever a provider names as its endpoints', async () => {
  const ask = (inner: boolean) => askProvider(needs('P', inner))('https://127.0.0.1:1/jwks', { method: 'GET', headers: {}, body: undefined, redirect: 'manual' });
  await assert.rejects(ask(false), /not of the public internet/);
  await assert.rejects(ask(true), /ECONNREFUSED/);
});
