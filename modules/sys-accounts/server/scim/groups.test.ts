import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { GroupMappingsService, OrgsService, Role } from '../../contract/index.ts';
import { ScimClient } from '../../testing/scim-client.ts';
import { TestOrg } from '../../testing/test-org.ts';

async function connected(deployment: TestDeployment) {
  const org = await TestOrg.in(deployment);
  await org.own();
  const scim = await ScimClient.of(org);
  const map = async (groupName: string, role: Role, projectId = '') => (await (await org.client(GroupMappingsService)).createGroupMapping({ groupMapping: { groupName, role, projectId } })).groupMappingId;
  return { org, scim, map, mappings: await org.client(GroupMappingsService) };
}

everyTopology('who is in a group has the roles that it gives, as long as they are in it', async (deployment) => {
  const { org, scim, map, mappings } = await connected(deployment);
  const { projectId } = await (await org.client(OrgsService)).createProject({ orgId: org.orgId, project: { name: 'Build' } });
  const [ada, ben] = [await scim.newUser('ada'), await scim.newUser('ben')];
  await map('Admins', Role.ADMIN);
  const { status, body: group, headers } = await scim.createGroup({ displayName: 'Admins', externalId: 'g-1', members: [{ value: ada.id }] });
  assert.deepEqual([status, headers.get('location'), group.members], [201, group.meta.location, [{ value: ada.id, $ref: `${deployment.address}/scim/v2/Users/${ada.id}`, display: 'ada', type: 'User' }]]);
  const rolesOf = async ({ id }: { id: string }) => (await org.roles()).get(id);
  assert.deepEqual([await rolesOf(ada), await rolesOf(ben)], [['ADMIN', 'USER'], ['USER']]);
  assert.deepEqual((await scim.get(`/Users/${ada.id}`)).body.groups, [{ value: group.id, $ref: group.meta.location, display: 'Admins', type: 'direct' }]);
  const patch = (...operations: object[]) => scim.patch(`/Groups/${group.id}`, operations);
  assert.equal((await patch({ op: 'Add', path: 'members', value: [{ value: ben.id }] }, { op: 'Remove', path: 'members', value: [{ value: ada.id }] })).status, 204);
  assert.deepEqual([await rolesOf(ada), await rolesOf(ben)], [['USER'], ['ADMIN', 'USER']]);
  const later = await map('Admins', Role.USER, projectId);
  assert.deepEqual(await rolesOf(ben), ['ADMIN', 'USER', `USER in ${projectId}`], 'a mapping counts at once');
  await mappings.deleteGroupMapping({ groupMappingId: later });
  assert.deepEqual(await rolesOf(ben), ['ADMIN', 'USER']);
  await patch({ op: 'replace', path: 'displayName', value: 'Others' });
  assert.deepEqual(await rolesOf(ben), ['USER']);
  await patch({ op: 'replace', value: { id: group.id, displayName: 'Admins' } });
  assert.deepEqual(await rolesOf(ben), ['ADMIN', 'USER']);
  await patch({ op: 'remove', path: `members[value eq "${ben.id}"]` });
  assert.deepEqual(await rolesOf(ben), ['USER']);
  assert.deepEqual((await scim.replaceGroup(group.id, { displayName: 'Admins', members: [{ value: ada.id }, { value: ben.id }] })).body.members.length, 2);
  assert.deepEqual([await rolesOf(ada), await rolesOf(ben)], [['ADMIN', 'USER'], ['ADMIN', 'USER']]);
  assert.equal((await scim.delete(`/Groups/${group.id}`)).status, 204);
  assert.deepEqual([await rolesOf(ada), await rolesOf(ben)], [['USER'], ['USER']]);
  assert.equal((await scim.get(`/Groups/${group.id}`)).status, 404);
});

everyTopology('a role that was given by hand is taken by no group', async (deployment) => {
  const { org, scim, map } = await connected(deployment);
  const { id } = await scim.newUser();
  await map('Admins', Role.ADMIN);
  const { body: group } = await scim.createGroup({ displayName: 'Admins', members: [{ value: id }] });
  await (await org.client(OrgsService)).grantRole({ orgId: org.orgId, accountId: id, role: Role.ADMIN });
  await scim.delete(`/Groups/${group.id}`);
  assert.deepEqual((await org.roles()).get(id), ['ADMIN', 'USER']);
});

everyTopology('no change of groups leaves an org without an administrator, whoever makes it', async (deployment) => {
  const { org, scim, map } = await connected(deployment);
  const { id } = await scim.newUser();
  await map('Admins', Role.ADMIN);
  const { body: group } = await scim.createGroup({ displayName: 'Admins', members: [{ value: id }] });
  const program = scim.as(await org.program());
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  await root.removeMember({ orgId: org.orgId, accountId: org.admin.accountId });
  const path = `/Groups/${group.id}`;
  const attempts = [
    () => program.delete(path),
    () => program.patch(path, [{ op: 'remove', path: 'members' }]),
    () => program.patch(path, [{ op: 'replace', path: 'displayName', value: 'Others' }]),
    () => program.replaceGroup(group.id, { displayName: 'Admins' }),
    () => program.delete(`/Users/${id}`),
    () => program.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }]),
  ];
  for (const attempt of attempts) {
    const { status, body } = await attempt();
    assert.deepEqual([status, body.status], [400, '400']);
    assert.match(body.detail, /last administrator/);
  }
  assert.deepEqual((await program.get(path)).body.members.map(({ value }: { value: string }) => value), [id], 'nothing of it was done');
  await root.addMember({ orgId: org.orgId, email: org.admin.email, role: Role.ADMIN });
  assert.equal((await program.delete(path)).status, 204, 'there is another');
  assert.deepEqual((await org.roles()).get(id), ['USER']);
});

everyTopology('whoever changes a group at once, all of it counts', async (deployment) => {
  const { org, scim, map } = await connected(deployment);
  await map('Staff', Role.ADMIN);
  const people = await Promise.all(Array.from({ length: 8 }, () => scim.newUser()));
  const { body: group } = await scim.createGroup({ displayName: 'Staff' });
  const answers = await Promise.all(people.map(({ id }) => scim.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: id }] }])));
  assert.deepEqual(answers.map(({ status }) => status), people.map(() => 204));
  assert.equal((await scim.get(`/Groups/${group.id}`)).body.members.length, 8);
  const roles = await org.roles();
  for (const { id } of people) assert.deepEqual(roles.get(id), ['ADMIN', 'USER']);
  const made = await Promise.all(Array.from({ length: 6 }, () => scim.createGroup({ displayName: 'Once' })));
  assert.deepEqual(made.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409]);
});

everyTopology('groups are found, and shown with or without their members', async (deployment) => {
  const { scim } = await connected(deployment);
  const [ada, ben] = [await scim.newUser('ada'), await scim.newUser('ben')];
  for (const [displayName, members] of [['Alpha', [ada]], ['beta', [ada, ben]], ['Gamma', []]] as const) await scim.createGroup({ displayName, externalId: displayName, members: members.map(({ id }) => ({ value: id })) });
  const names = async (query: Record<string, string>) => (await scim.get('/Groups', query)).body.Resources.map(({ displayName }: { displayName: string }) => displayName);
  assert.deepEqual(await names({ filter: 'displayName eq "BETA"' }), ['beta']);
  assert.deepEqual(await names({ filter: 'externalId eq "beta"' }), ['beta']);
  assert.deepEqual(await names({ filter: 'externalId eq "BETA"' }), []);
  assert.deepEqual(await names({ filter: `members.value eq "${ben.id}"` }), ['beta']);
  assert.deepEqual(await names({ filter: `members[value eq "${ada.id}"] and displayName sw "a"` }), ['Alpha']);
  assert.deepEqual(await names({ filter: 'not (members pr)' }), ['Gamma']);
  assert.deepEqual(await names({ sortBy: 'displayName', sortOrder: 'descending', count: '2' }), ['Gamma', 'beta']);
  const { body } = await scim.get('/Groups', { excludedAttributes: 'members', filter: 'displayName eq "beta"' });
  assert.deepEqual([body.totalResults, body.Resources[0].members], [1, undefined]);
  const group = body.Resources[0];
  assert.deepEqual((await scim.get(`/Groups/${group.id}`, { attributes: 'members.value' })).body, { schemas: group.schemas, id: group.id, members: [ada, ben].map(({ id }) => ({ value: id })).sort((one, other) => (one.value < other.value ? -1 : 1)) });
});

everyTopology('what no group can be is refused in the words of SCIM', async (deployment) => {
  const [{ scim }, other] = [await connected(deployment), await connected(deployment)];
  const { id } = await scim.newUser();
  const { body: group } = await scim.createGroup({ displayName: 'One' });
  await scim.createGroup({ displayName: 'Two' });
  const path = `/Groups/${group.id}`;
  const stranger = await other.scim.newUser();
  const refused = [
    [await scim.createGroup({}), 400, 'invalidValue'],
    [await scim.createGroup({ displayName: 'one' }), 409, 'uniqueness'],
    [await scim.createGroup({ displayName: 'Three', members: [{ value: stranger.id }] }), 400, 'invalidValue'],
    [await scim.createGroup({ displayName: 'Three', members: [{ value: group.id, type: 'Group' }] }), 400, 'invalidValue'],
    [await scim.createGroup({ displayName: 'Three', members: [{ value: 'x' }] }), 400, 'invalidValue'],
    [await scim.replaceGroup(group.id, { displayName: 'two' }), 409, 'uniqueness'],
    [await scim.patch(path, [{ op: 'replace', path: 'displayName', value: '' }]), 400, 'invalidValue'],
    [await scim.patch(path, [{ op: 'remove', path: 'displayName' }]), 400, 'mutability'],
    [await scim.patch(path, [{ op: 'replace', path: `members[value eq "${id}"].display`, value: 'x' }]), 400, 'mutability'],
    [await scim.patch(path, [{ op: 'remove', path: 'members[display eq "x"]' }]), 400, 'invalidPath'],
    [await scim.patch(path, [{ op: 'add', path: 'members', value: [{ value: stranger.id }] }]), 400, 'invalidValue'],
    [await other.scim.get(path), 404, undefined],
    [await other.scim.patch(path, [{ op: 'replace', path: 'displayName', value: 'x' }]), 404, undefined],
    [await other.scim.delete(path), 404, undefined],
    [await scim.send('PATCH', path, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [{ op: 'replace', path: 'displayName', value: 'x' }] }, { 'if-match': '"99"' }), 412, undefined],
  ] as const;
  for (const [answer, status, scimType] of refused) assert.deepEqual([answer.status, answer.body.status, answer.body.scimType, answer.body.schemas], [status, String(status), scimType, ['urn:ietf:params:scim:api:messages:2.0:Error']], JSON.stringify(answer.body));
});
