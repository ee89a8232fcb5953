import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { EmailDomainsService, Role } from '../../contract/index.ts';
import { startDnsServer } from '../../testing/dns-server.ts';
import { TestOrg } from '../../testing/test-org.ts';

const dns = await startDnsServer();
const options = { modules: { 'sys-core': null, 'sys-accounts': { dnsServers: [dns.address] }, 'sys-email': null, 'mod-promist': null } };

const refused = (promise: Promise<unknown>, reason: string) => assert.rejects(promise, (error) => reasonOf(error) === reason, reason);

everyTopology('a domain is verified by what DNS shows', async (deployment) => {
  const org = await TestOrg.in(deployment);
  const domains = await org.client(EmailDomainsService);
  const { emailDomainId, domain, dnsName, dnsValue, verified, orgId } = await org.claim(org.domain.toUpperCase());
  assert.deepEqual([domain, dnsName, verified, orgId], [org.domain, `_mainstay-challenge.${org.domain}`, false, org.orgId]);
  await refused(domains.verifyEmailDomain({ emailDomainId }), 'sys-accounts.DNS_RECORD_MISSING');
  dns.texts.set(dnsName, ['v=spf1 -all', `${dnsValue}x`]);
  await refused(domains.verifyEmailDomain({ emailDomainId }), 'sys-accounts.DNS_RECORD_MISSING');
  dns.texts.set(dnsName, ['x'.repeat(700), dnsValue]);
  const done = await domains.verifyEmailDomain({ emailDomainId });
  assert.ok(done.verified && done.verifyTime);
  dns.texts.delete(dnsName);
  assert.ok((await domains.verifyEmailDomain({ emailDomainId })).verified, 'it stays so');
  assert.ok((await domains.getEmailDomain({ emailDomainId })).verified);
}, options);

everyTopology('DNS that fails or does not answer is told apart from a record that is missing', async (deployment) => {
  const org = await TestOrg.in(deployment);
  const domains = await org.client(EmailDomainsService);
  const { emailDomainId, dnsName } = await org.claim();
  for (const failure of ['refuses', 'is silent'] as const) {
    dns.failing.set(dnsName, failure);
    await refused(domains.verifyEmailDomain({ emailDomainId }), 'sys-accounts.DNS_FAILED');
  }
}, options);

everyTopology('a domain is of one org alone, however many show it at once', async (deployment) => {
  const orgs = await Promise.all(Array.from({ length: 4 }, () => TestOrg.in(deployment)));
  const domain = `${crypto.randomUUID()}.test`;
  const claims = await Promise.all(orgs.map((org) => org.claim(domain)));
  dns.texts.set(claims[0]!.dnsName, claims.map(({ dnsValue }) => dnsValue));
  const outcomes = await Promise.allSettled(orgs.map(async (org, at) => (await org.client(EmailDomainsService)).verifyEmailDomain({ emailDomainId: claims[at]!.emailDomainId })));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(reasonOf(outcome.reason), 'sys-accounts.EMAIL_DOMAIN_TAKEN');
  const late = await TestOrg.in(deployment);
  await refused(late.claim(domain), 'sys-accounts.EMAIL_DOMAIN_TAKEN');
  const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
  await (await orgs[winner]!.client(EmailDomainsService)).deleteEmailDomain({ emailDomainId: claims[winner]!.emailDomainId });
  await late.claim(domain);
}, options);

everyTopology('what is no domain of somebody\'s own is refused, and one is claimed once', async (deployment) => {
  const org = await TestOrg.in(deployment);
  for (const domain of ['', ' ', 'com', 'localhost', 'ada@acme.test', 'a b.test', '-x.test', 'x-.test', 'x..test', '.test', 'x.test.', `${'x'.repeat(64)}.test`, '127.0.0.1', '[::1]', 'x_y.test', 'x/y.test']) await refused(org.claim(domain), 'sys-accounts.EMAIL_DOMAIN_UNFIT');
  assert.equal((await org.claim('bücher.Example')).domain, 'xn--bcher-kva.example');
  await refused(org.claim('xn--bcher-kva.example'), 'sys-accounts.EMAIL_DOMAIN_CLAIMED');
  const personal = await deployment.client(EmailDomainsService, org.admin.accessToken);
  await refused(personal.createEmailDomain({ emailDomain: { domain: org.domain } }), 'sys-accounts.ORG_PERSONAL');
}, options);

everyTopology('domains are for administrators of the org, who see no others; a Platform Administrator sees all and vouches', async (deployment) => {
  const [org, other] = [await TestOrg.in(deployment), await TestOrg.in(deployment)];
  const { emailDomainId } = await org.claim();
  const { emailDomainId: second } = await org.claim(`a.${org.domain}`);
  const { emailDomainId: others } = await other.claim();
  const domains = await org.client(EmailDomainsService);
  const ids = (list: { emailDomains: { emailDomainId: string }[] }) => list.emailDomains.map((each) => each.emailDomainId);
  assert.deepEqual(ids(await domains.listEmailDomains({})), [second, emailDomainId]);
  assert.deepEqual(ids(await domains.listEmailDomains({ filter: 'verified = false', orderBy: 'domain desc', pageSize: 1 })).length, 1);
  for (const method of ['getEmailDomain', 'verifyEmailDomain', 'deleteEmailDomain'] as const) await refused(domains[method]({ emailDomainId: others }), 'sys-accounts.EMAIL_DOMAIN_NOT_FOUND');
  await refused(domains.vouchForEmailDomain({ emailDomainId }), 'kernel.PERMISSION_DENIED');
  const { accessToken } = await org.member(Role.USER);
  await refused((await deployment.client(EmailDomainsService, accessToken)).listEmailDomains({}), 'kernel.PERMISSION_DENIED');
  const root = await deployment.client(EmailDomainsService, 'root@mainstay.test');
  assert.deepEqual(ids(await root.listEmailDomains({ filter: `org_id = "${other.orgId}"` })), [others]);
  assert.ok((await root.vouchForEmailDomain({ emailDomainId })).verified);
  assert.deepEqual(ids(await domains.listEmailDomains({ filter: 'verified = true' })), [emailDomainId]);
  await domains.deleteEmailDomain({ emailDomainId });
  await refused(domains.getEmailDomain({ emailDomainId }), 'sys-accounts.EMAIL_DOMAIN_NOT_FOUND');
}, options);
