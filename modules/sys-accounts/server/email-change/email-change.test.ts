import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { emailsTo, everyTopology, type TestDeployment } from '@mainstay/testing';
import { EmailChangeService, SessionsService } from '../../contract/index.ts';
import { mailTo, tokenTo } from '../../testing/mail.ts';
import { password, Person } from '../../testing/people.ts';

const newAddress = () => `${crypto.randomUUID()}@example.org`;
const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

/** A person who begins to change their address, and the tokens of the links. */
async function begun(deployment: TestDeployment) {
  const [person, newEmail] = [await Person.in(deployment), newAddress()];
  const own = await deployment.client(EmailChangeService, person.accessToken);
  const change = await own.beginEmailChange({ accountId: 'me', newEmail, password });
  assert.deepEqual([change.newEmail, change.agreed, change.confirmed], [newEmail, false, false]);
  const [agree, cancel] = (await mailTo(deployment, person.email, 'address-change-old')).tokens as [string, string];
  return { person, newEmail, agree, cancel, confirm: await tokenTo(deployment, newEmail, 'address-change-new'), anybody: await deployment.client(EmailChangeService) };
}

everyTopology('an account has another address once both have said yes, in whichever order', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  for (const order of [['agree', 'confirm'], ['confirm', 'agree']] as const) {
    const { person, newEmail, anybody, ...tokens } = await begun(deployment);
    assert.equal((await anybody.confirmEmailChange({ token: tokens[order[0]] })).changed, false);
    // Saying it twice is no second yes.
    assert.equal((await anybody.confirmEmailChange({ token: tokens[order[0]] })).changed, false);
    assert.equal((await person.logIn()).account!.email, person.email);
    assert.equal((await anybody.confirmEmailChange({ token: tokens[order[1]] })).changed, true);
    await assert.rejects(person.logIn(), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
    const { account } = await sessions.createSession({ email: newEmail, password });
    assert.deepEqual([account!.accountId, account!.emailVerified], [person.accountId, true]);
    assert.match((await mailTo(deployment, person.email, 'address-changed')).text, new RegExp(newEmail));
    for (const token of Object.values(tokens)) await assert.rejects(anybody.confirmEmailChange({ token }), refusedWith('sys-accounts.LINK_INVALID'));
  }
});

everyTopology('the address until now stops a change, which ends every session', async (deployment) => {
  const { person, newEmail, agree, cancel, confirm, anybody } = await begun(deployment);
  await anybody.confirmEmailChange({ token: confirm });
  await assert.rejects(anybody.confirmEmailChange({ token: cancel }), refusedWith('sys-accounts.LINK_INVALID'));
  await anybody.cancelEmailChange({ token: cancel });
  for (const token of [agree, confirm]) await assert.rejects(anybody.confirmEmailChange({ token }), refusedWith('sys-accounts.LINK_INVALID'));
  await assert.rejects((await person.accounts()).getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
  await assert.rejects((await deployment.client(SessionsService)).createSession({ email: newEmail, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await person.logIn();
});

everyTopology('whether the new address has an account is told to nobody', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const own = await deployment.client(EmailChangeService, person.accessToken);
  const change = await own.beginEmailChange({ accountId: 'me', newEmail: other.email, password });
  assert.deepEqual([change.newEmail, change.agreed, change.confirmed], [other.email, false, false]);
  const [agree] = (await mailTo(deployment, person.email, 'address-change-old')).tokens;
  assert.equal((await own.confirmEmailChange({ token: agree! })).changed, false);
  assert.deepEqual(await emailsTo(deployment, other.email), []);
});

everyTopology('an address that somebody else got meanwhile is not taken from them', async (deployment) => {
  const { newEmail, agree, confirm, anybody, person } = await begun(deployment);
  await anybody.confirmEmailChange({ token: agree });
  await (await person.accounts()).registerAccount({ email: newEmail, password });
  await assert.rejects(anybody.confirmEmailChange({ token: confirm }), refusedWith('sys-accounts.LINK_INVALID'));
  assert.equal((await person.logIn()).account!.email, person.email);
});

everyTopology('a change takes the password, expires after a day, and gives way to the next', async (deployment) => {
  const { person, agree, confirm, anybody } = await begun(deployment);
  const own = await deployment.client(EmailChangeService, person.accessToken);
  await assert.rejects(own.beginEmailChange({ accountId: 'me', newEmail: newAddress(), password: 'not the password' }), refusedWith('sys-accounts.WRONG_PASSWORD'));
  await assert.rejects(own.beginEmailChange({ accountId: 'me', newEmail: person.email.toUpperCase(), password }), refusedWith('sys-accounts.EMAIL_SAME'));
  await assert.rejects(own.beginEmailChange({ accountId: crypto.randomUUID(), newEmail: newAddress(), password }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
  const newEmail = newAddress();
  await own.beginEmailChange({ accountId: 'me', newEmail, password });
  for (const token of [agree, confirm]) await assert.rejects(anybody.confirmEmailChange({ token }), refusedWith('sys-accounts.LINK_INVALID'));
  const token = await tokenTo(deployment, newEmail, 'address-change-new');
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_email_changes set expires_at = expires_at - interval '1 day' where account_id = $1`, [person.accountId]);
  await assert.rejects(anybody.confirmEmailChange({ token }), refusedWith('sys-accounts.LINK_INVALID'));
});
