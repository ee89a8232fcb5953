import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDeployment } from '@mainstay/testing';
import { Factor } from '../../contract/index.ts';
import { mailTo } from '../../testing/mail.ts';
import { byPassword, passkey, password, Person, recovery, totp } from '../../testing/people.ts';

test('no password, code or token of a login is in the log, however much is logged, and not in the audit', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-login-log-'));
  const logFile = join(folder, 'log');
  const deployment = await startDeployment({ logFile, logLevel: 'trace' });
  t.after(async () => {
    await deployment.stop();
    rmSync(folder, { recursive: true });
  });
  const secrets: string[] = [password];
  const keep = (...more: string[]) => void secrets.push(...more);

  const person = await Person.in(deployment);
  const factors = await person.factors();
  const { totpSecret, totpUri, secondFactor } = await factors.createSecondFactor({ factor: Factor.TOTP });
  keep(totpSecret, totpUri);
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId: secondFactor!.secondFactorId, proof: passkey('{"a":"not a passkey"}') }));
  const { app, recoveryCodes } = await person.addTotp();
  const { authenticator } = await person.addPasskey();
  keep(...recoveryCodes, app.code());
  const sessions = await person.sessions();
  const passes = [recovery('wrong-recovery-code'), recovery(recoveryCodes[0]!), totp(app.code())];
  for (const proof of passes) {
    const { challenge } = await person.logIn();
    keep(challenge!.loginToken);
    await sessions.continueLogin({ loginToken: challenge!.loginToken, proof, rememberDevice: true }).then(({ accessToken, refreshToken, deviceToken }) => keep(accessToken, refreshToken, deviceToken), () => {});
  }
  const alone = await sessions.beginPasskeyLogin({});
  const answer = authenticator.get(alone.passkeyOptions);
  keep(alone.loginToken, (JSON.parse(answer) as { response: { signature: string } }).response.signature);
  await sessions.continueLogin({ loginToken: alone.loginToken, proof: passkey(answer) });
  const step = await (await person.ownSessions()).beginStepUp({});
  keep(step.loginToken);
  await assert.rejects((await person.ownSessions()).stepUpSession({ loginToken: step.loginToken, proof: byPassword() }));
  await factors.createSecondFactor({ factor: Factor.EMAIL_CODE });
  keep(/\b\d{6}\b/.exec((await mailTo(deployment, person.email, 'login-code')).text)![0]);

  const audit = JSON.stringify([await deployment.sql('select * from sys_core.sys_core_audit_entries'), await deployment.sqlOf('sys-accounts', 'select * from sys_accounts.sys_accounts_commands')]);
  const log = readFileSync(logFile, 'utf8');
  assert.notEqual(log, '');
  // Six digits are in many numbers, so they are looked for as a word.
  for (const secret of secrets) for (const [where, text] of Object.entries({ log, audit })) assert.ok(/^\d{6}$/.test(secret) ? !new RegExp(`["' :]${secret}["' ,]`).test(text) : !text.includes(secret), `${where} holds ${secret}`);
});
