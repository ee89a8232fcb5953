import { createHash, randomBytes } from 'node:crypto';
import type { TestDeployment } from '@mainstay/testing';
import fc from 'fast-check';
import { Secret, TOTP } from 'otpauth';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

/** The password of the demo's people. */
const password = 'mainstay-demo';
const [holder, ...adding] = ['holder@acme.test', ...Array.from({ length: 8 }, (_, at) => `adding-${at}@acme.test`)] as [string, ...string[]];

/** Those who have second factors, or are about to, so that nobody else is asked for one. */
export const proving: readonly string[] = [holder, ...adding];

/** Requests about second factors and logins by them: what is proved has to be right, and is there in numbers. */
export async function factorExamples(deployment: TestDeployment, ask: Ask, orgId: string): Promise<Examples> {
  for (const email of proving) await ask('', '/v1/accounts', { email, password });
  const { accountId } = await ask(holder, '/v1/accounts/me');
  const insert = (table: string, columns: string, values: string) => deployment.sql<{ id: string }>(`insert into sys_accounts.sys_accounts_${table} (account_id, ${columns}) select $1::uuid, ${values} from generate_series(1, 60) as n returning id::text`, [accountId]);
  const factors = await insert('second_factors', 'kind, name, confirmed_at', `'TOTP', 'an app', now()`);
  // Who has a second factor must have shown it to change anything about it.
  await deployment.sql(`update sys_accounts.sys_accounts_sessions set acr = 'urn:mainstay:acr:2' where account_id = $1`, [accountId]);
  const devices = await insert('remembered_devices', 'token_hash, password_mark, expires_at', `sha256(n::text::bytea), '', now() + interval '1 day'`);
  const pending = await Promise.all(adding.map(async (email) => ({ email, ...(await ask(email, '/v1/secondFactors', { factor: 'TOTP' })) })));
  const steps = await waitingSteps(deployment, ask, 'ops@mainstay.test');
  const { accountId: ben } = await ask('ben@acme.test', '/v1/accounts/me');
  const codes = await recoveryCodesOf(deployment, ben);
  const logins = (await waitingLogins(deployment, ben)).map((loginToken, at) => ({ loginToken, recoveryCode: codes[at]! }));
  // Beside those that are removed.
  await deployment.sql(`insert into sys_accounts.sys_accounts_second_factors (account_id, kind, name, confirmed_at) values ($1, 'EMAIL_CODE', 'e-mail', now())`, [accountId]);
  const byEmail = await waitingLogins(deployment, accountId);
  const one = <T>(from: readonly T[], of: (item: T) => Example) => fc.constantFrom(...from).map(of);
  return {
    CreateSecondFactor: one(['TOTP', 'PASSKEY', 'EMAIL_CODE'], (factor) => ({ caller: 'olga@acme.test', tree: { factor } })),
    // Its code is the next step's, which is good for a minute and more.
    ConfirmSecondFactor: one(pending, ({ email, secondFactor, totpSecret }) => ({ caller: email, tree: { secondFactorId: secondFactor.secondFactorId, proof: { totpCode: new TOTP({ secret: Secret.fromBase32(totpSecret) }).generate({ timestamp: Date.now() + 30_000 }) } } })),
    UpdateSecondFactor: one(factors, ({ id }) => ({ caller: holder, tree: { secondFactorId: id, name: 'another' } })),
    // The first stays: without any there are no recovery codes.
    DeleteSecondFactor: one(factors.slice(1), ({ id }) => ({ caller: holder, tree: { secondFactorId: id } })),
    CreateRecoveryCodes: one([holder], (caller) => ({ caller, tree: {} })),
    DeleteRememberedDevice: one(devices, ({ id }) => ({ caller: holder, tree: { rememberedDeviceId: id } })),
    ResetSecondFactors: one([await ask('ada@acme.test', '/v1/accounts/me')], (member) => ({ caller: 'root@mainstay.test', tree: { orgId, accountId: member.accountId } })),
    BeginPasskeyLogin: one([''], (caller) => ({ caller, tree: {} })),
    BeginStepUp: one(['ada@acme.test', 'olga@acme.test'], (caller) => ({ caller, tree: {} })),
    ContinueLogin: one(logins, ({ loginToken, recoveryCode }) => ({ caller: '', tree: { loginToken, proof: { recoveryCode } } })),
    SendLoginCode: one(byEmail, (loginToken) => ({ caller: '', tree: { loginToken } })),
    StepUpSession: one(steps, (loginToken) => ({ caller: 'ops@mainstay.test', tree: { loginToken, proof: { password } } })),
  };
}

const token = (): string => randomBytes(32).toString('base64url');
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Steps up of a session that wait for the password. */
async function waitingSteps(deployment: TestDeployment, ask: Ask, email: string): Promise<string[]> {
  const { sessions } = await ask(email, '/v1/sessions?page_size=1000');
  const { sessionId } = sessions.find(({ current }: { current: boolean }) => current);
  const tokens = Array.from({ length: 60 }, token);
  await deployment.sql(`insert into sys_accounts.sys_accounts_logins (token_hash, account_id, session_id, amr, expires_at) select hash, s.account_id, s.id, '{pwd}', now() + interval '1 hour' from sys_accounts.sys_accounts_sessions s, unnest($2::bytea[]) as hash where s.id = $1`, [sessionId, tokens.map(sha256)]);
  return tokens;
}

/** Logins that wait for a factor. */
async function waitingLogins(deployment: TestDeployment, accountId: string): Promise<string[]> {
  const tokens = Array.from({ length: 60 }, token);
  await deployment.sql(`insert into sys_accounts.sys_accounts_logins (token_hash, account_id, amr, expires_at) select hash, $1, '{pwd}', now() + interval '1 hour' from unnest($2::bytea[]) as hash`, [accountId, tokens.map(sha256)]);
  return tokens;
}

/** Recovery codes of an account. */
async function recoveryCodesOf(deployment: TestDeployment, accountId: string): Promise<string[]> {
  const codes = Array.from({ length: 60 }, (_, at) => String(at).padStart(16, '0'));
  await deployment.sql(`insert into sys_accounts.sys_accounts_recovery_codes (code_hash, account_id) select hash, $1 from unnest($2::bytea[]) as hash`, [accountId, codes.map((code) => sha256(`${accountId} ${code}`))]);
  return codes;
}
