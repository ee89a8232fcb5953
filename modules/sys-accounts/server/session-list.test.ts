import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { ActingService, SessionsService } from '../contract/index.ts';
import { password, Person, totp } from '../testing/people.ts';

everyTopology('a person sees on which devices they are signed in, and who acts for them, and ends all others at once', async (deployment) => {
  const person = await Person.in(deployment);
  const sessions = await deployment.client(SessionsService);
  const phone = await sessions.createSession({ email: person.email, password, deviceName: 'Firefox on Android' });
  const { accessToken, acting } = await (await deployment.client(ActingService, 'root@mainstay.test')).beginActing({ accountId: person.accountId, reason: 'a reason' });
  const own = await person.ownSessions();
  const listed = (await own.listSessions({})).sessions;
  assert.deepEqual(listed.map(({ deviceName, actorAccountId, current }) => [deviceName, actorAccountId, current]), [['', acting!.actorAccountId, false], ['Firefox on Android', '', false], ['', '', true]]);
  assert.ok(listed.every(({ clientAddress, createTime }) => clientAddress !== '' && createTime !== undefined));
  assert.equal((await own.endOtherSessions({})).endedSessions, 2);
  for (const token of [phone.accessToken, accessToken]) await assert.rejects((await deployment.client(SessionsService, token)).listSessions({}), (error) => reasonOf(error) === 'sys-core.SESSION_ENDED');
  assert.equal((await own.listSessions({})).sessions.length, 1);
});

everyTopology('a device is named when its login is done by a second factor, too', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const { challenge } = await person.logIn();
  const { accessToken } = await (await person.sessions()).continueLogin({ loginToken: challenge!.loginToken, proof: totp(app.code()), deviceName: 'mainstay' });
  const [newest] = (await (await deployment.client(SessionsService, accessToken)).listSessions({})).sessions;
  assert.deepEqual([newest!.deviceName, newest!.current], ['mainstay', true]);
});
