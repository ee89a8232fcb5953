import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { assurance } from '../../contract/index.ts';
import { password, Person, recovery } from '../../testing/people.ts';

/** Somebody with a second factor, on a device that is remembered. */
async function withDevice(deployment: TestDeployment) {
  const person = await Person.in(deployment);
  const { recoveryCodes } = await person.addTotp();
  const { challenge } = await person.logIn();
  const tokens = await (await person.sessions()).continueLogin({ loginToken: challenge!.loginToken, proof: recovery(recoveryCodes[0]!), rememberDevice: true });
  person.use(tokens);
  return { person, deviceToken: tokens.deviceToken, recoveryCodes };
}

const isAsked = async (person: Person, deviceToken: string, more = {}): Promise<boolean> => (await person.logIn({ deviceToken, ...more })).challenge !== undefined;

everyTopology('a remembered device logs in without a second factor, which its session says', async (deployment) => {
  const { person, deviceToken } = await withDevice(deployment);
  const tokens = await person.logIn({ deviceToken });
  person.use(tokens);
  const { sessions } = await (await person.ownSessions()).listSessions({});
  assert.equal(sessions.find(({ current }) => current)!.acr, assurance.oneFactor);
  assert.ok(await isAsked(person, ''));
});

everyTopology('a device is remembered for its account alone, and not by a changed token', async (deployment) => {
  const [one, other] = [await withDevice(deployment), await withDevice(deployment)];
  assert.ok(await isAsked(one.person, other.deviceToken));
  const { deviceToken } = one;
  assert.ok(await isAsked(one.person, (deviceToken[0] === 'A' ? 'B' : 'A') + deviceToken.slice(1)));
  assert.equal(await isAsked(one.person, deviceToken), false);
});

everyTopology('remembered devices are listed, and forgotten one by one by whose they are', async (deployment) => {
  const [{ person, deviceToken }, other] = [await withDevice(deployment), await withDevice(deployment)];
  const factors = await person.factors();
  const { rememberedDevices: [device, ...more] } = await factors.listRememberedDevices({});
  assert.ok(device && more.length === 0 && device.createTime && device.expireTime);
  await assert.rejects((await other.person.factors()).deleteRememberedDevice({ rememberedDeviceId: device.rememberedDeviceId }), (error) => reasonOf(error) === 'sys-accounts.REMEMBERED_DEVICE_NOT_FOUND');
  await factors.deleteRememberedDevice({ rememberedDeviceId: device.rememberedDeviceId });
  assert.ok(await isAsked(person, deviceToken));
});

everyTopology('a new password forgets the devices, and so does removing the last second factor', async (deployment) => {
  const { person, deviceToken } = await withDevice(deployment);
  const changed = 'another horse battery';
  await (await person.accounts()).changePassword({ accountId: 'me', currentPassword: password, newPassword: changed });
  assert.deepEqual((await (await person.factors()).listRememberedDevices({})).rememberedDevices, []);
  assert.ok(await isAsked(person, deviceToken, { password: changed }));
  const { person: other, deviceToken: remembered } = await withDevice(deployment);
  const factors = await other.factors();
  const { secondFactors: [factor] } = await factors.listSecondFactors({});
  await factors.deleteSecondFactor({ secondFactorId: factor!.secondFactorId });
  await other.addTotp();
  assert.ok(await isAsked(other, remembered));
});

everyTopology('who was away for long, is in a new place or shows a token that expired is asked again', async (deployment) => {
  const { person, deviceToken } = await withDevice(deployment);
  const { accountId } = person;
  const changes: [change: string, back: string][] = [
    [`update sys_accounts.sys_accounts_accounts set last_login_at = last_login_at - interval '31 days' where id = $1`, `update sys_accounts.sys_accounts_accounts set last_login_at = now() where id = $1`],
    [`update sys_accounts.sys_accounts_login_places set place_hash = sha256(place_hash) where account_id = $1`, ''],
  ];
  for (const [change, back] of changes) {
    await deployment.sqlOf('sys-accounts', change, [accountId]);
    assert.ok(await isAsked(person, deviceToken), change);
    if (back) await deployment.sqlOf('sys-accounts', back, [accountId]);
  }
  const next = await withDevice(deployment);
  assert.equal(await isAsked(next.person, next.deviceToken), false);
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_remembered_devices set expires_at = now() where account_id = $1`, [next.person.accountId]);
  assert.ok(await isAsked(next.person, next.deviceToken));
});

everyTopology('a place is known once somebody logged in from there with a second factor', async (deployment) => {
  const { person, deviceToken, recoveryCodes } = await withDevice(deployment);
  await deployment.sqlOf('sys-accounts', `delete from sys_accounts.sys_accounts_login_places where account_id = $1`, [person.accountId]);
  const { challenge } = await person.logIn({ deviceToken });
  await (await person.sessions()).continueLogin({ loginToken: challenge!.loginToken, proof: recovery(recoveryCodes[1]!) });
  assert.equal(await isAsked(person, deviceToken), false);
});
