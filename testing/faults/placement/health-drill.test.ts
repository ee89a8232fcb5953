import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';
import { until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService } from '@mainstay/sys-accounts/contract';
import { patience } from './faults.ts';
import { PlacedDeployment } from './placed-deployment.ts';

test('the gateway tells the health of services in other processes: of one that stands still, and of that which takes its place', { timeout: patience }, async () => {
  const deployment = await PlacedDeployment.start({ placement: 'sys-and-mod' });
  try {
    const health = createClient(Health, createGrpcTransport({ baseUrl: deployment.address }));
    const of = async (service: string) => (await health.check({ service })).status;
    await until(async () => (await of(PromisesService.typeName)) === Status.SERVING, 'all is well');
    const heard: Status[] = [];
    const ending = new AbortController();
    const hearing = (async () => {
      for await (const { status } of health.watch({ service: PromisesService.typeName }, { signal: ending.signal })) heard.push(status);
    })().catch(() => {});
    await until(() => heard.length > 0, 'the first answer of the stream');
    await deployment.strike('mod-main', 'SIGSTOP');
    await until(() => heard.length >= 3, () => `the service is told to be away, and back; heard ${heard.join(', ')}`);
    assert.deepEqual(heard, [Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    assert.equal(await of(AccountsService.typeName), Status.SERVING);
    ending.abort();
    await hearing;
  } finally {
    await deployment.stop();
  }
});
