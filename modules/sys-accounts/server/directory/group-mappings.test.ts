import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { GroupMappingsService, OrgsService, Role } from '../../contract/index.ts';
import { TestOrg } from '../../testing/test-org.ts';

const refused = (promise: Promise<unknown>, reason: string) => assert.rejects(promise, (error) => reasonOf(error) === reason, reason);

everyTopology('mappings are made, listed and deleted by administrators of the org alone', async (deployment) => {
  const [org, other] = [await TestOrg.in(deployment), await TestOrg.in(deployment)];
  const mappings = await org.client(GroupMappingsService);
  const { projectId } = await (await org.client(OrgsService)).createProject({ orgId: org.orgId, project: { name: 'Build' } });
  const { projectId: others } = await (await other.client(OrgsService)).createProject({ orgId: other.orgId, project: { name: 'Build' } });
  const made = await mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers', role: Role.USER, projectId } });
  await mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers', role: Role.ADMIN } });
  assert.deepEqual([made.groupName, made.role, made.projectId], ['Engineers', Role.USER, projectId]);
  await refused(mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers', role: Role.USER, projectId } }), 'sys-accounts.GROUP_MAPPED');
  await refused(mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers', role: Role.USER, projectId: others } }), 'sys-accounts.PROJECT_NOT_FOUND');
  await refused(mappings.createGroupMapping({ groupMapping: { groupName: ' ', role: Role.USER } }), 'sys-accounts.NAME_REQUIRED');
  await refused(mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers' } }), 'sys-accounts.GROUP_ROLE_REQUIRED');
  await refused(mappings.createGroupMapping({ groupMapping: { groupName: 'Engineers', role: Role.SUPERADMIN } }), 'kernel.INVALID_REQUEST');
  assert.deepEqual((await mappings.listGroupMappings({ orderBy: 'group_name, create_time' })).groupMappings.map(({ role }) => role), [Role.USER, Role.ADMIN]);
  assert.equal((await mappings.listGroupMappings({ filter: 'role = ADMIN AND group_name = "Engineers"', countTotal: true })).totalSize, 1);
  const elsewhere = await other.client(GroupMappingsService);
  assert.deepEqual((await elsewhere.listGroupMappings({})).groupMappings, []);
  await refused(elsewhere.deleteGroupMapping({ groupMappingId: made.groupMappingId }), 'sys-accounts.GROUP_MAPPING_NOT_FOUND');
  await mappings.deleteGroupMapping({ groupMappingId: made.groupMappingId });
  await refused(mappings.deleteGroupMapping({ groupMappingId: made.groupMappingId }), 'sys-accounts.GROUP_MAPPING_NOT_FOUND');
  const { accessToken } = await org.member(Role.USER);
  await refused((await deployment.client(GroupMappingsService, accessToken)).listGroupMappings({}), 'kernel.PERMISSION_DENIED');
});
