import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { ShardsService } from '../../contract/index.ts';

const root = 'root@mainstay.test';
const isReason = (reason: string) => (error: unknown) => reasonOf(error) === reason;

test('where nothing is divided there are no shards, and no slots to move; only a Platform Administrator may', async (t) => {
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null } });
  t.after(() => deployment.stop());
  const admin = await deployment.client(ShardsService, root);
  assert.deepEqual((await admin.listShards({})).shards, []);
  await assert.rejects(admin.moveSlots({ slots: '0-3', shard: 1 }), isReason('sys-core.NOT_IN_SHARDS'));
  const ops = await deployment.client(ShardsService, 'ops@mainstay.test');
  assert.deepEqual((await ops.listShards({})).shards, []);
  await assert.rejects(ops.moveSlots({ slots: '0-3', shard: 1 }), isReason('kernel.PERMISSION_DENIED'));
  await assert.rejects((await deployment.client(ShardsService, 'ada@acme.test')).listShards({}), isReason('kernel.PERMISSION_DENIED'));
});
