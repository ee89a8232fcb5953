import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { reasonOf, type Module } from '@mainstay/kernel';
import { modules } from '@mainstay/main/modules';
import { ClientGrant, OAuthClientsService, OrgsService, Role } from '@mainstay/sys-accounts/contract';
import { everyTopology } from './index.ts';
import { validRequest } from './valid-request.ts';

const methods = (modules as readonly Module[]).flatMap(({ services = [] }) => services).flatMap(({ service }) => service.methods).filter(({ methodKind, input }) => methodKind === 'unary' && input.typeName !== 'mainstay.WebRequest');

everyTopology('an OAuth client that acts for itself is served or refused by every method, and none fails for want of a person', async (deployment) => {
  const olga = await deployment.client(OAuthClientsService, 'olga@acme.test');
  const { oauthClient, clientSecret } = await olga.createOAuthClient({ oauthClient: { name: 'a program', grants: [ClientGrant.CLIENT_CREDENTIALS], serviceRole: Role.ADMIN } });
  const id = oauthClient!.oauthClientId;
  const answer = await deployment.fetch('/oauth2/token', { body: 'grant_type=client_credentials&scope=api', headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${Buffer.from(`${id}:${clientSecret}`).toString('base64')}` } });
  const { access_token: token } = await answer.json() as { access_token: string };
  const [project] = (await (await deployment.client(OrgsService, 'olga@acme.test')).listProjects({ orgId: oauthClient!.orgId })).projects;
  const transport = createGrpcTransport({ baseUrl: deployment.address, interceptors: [(next) => (request) => (request.header.set('authorization', `Bearer ${token}`), next(request))] });
  const failed: string[] = [];
  for (const method of methods) {
    const request = validRequest(method.input) as Message & Record<string, unknown>;
    if ('orgId' in request) request.orgId = oauthClient!.orgId;
    if ('projectId' in request) request.projectId = project!.projectId;
    if (request.email) request.email = `${randomUUID()}@acme.test`;
    if ('accountId' in request && request.accountId === 'text') request.accountId = 'me';
    const error = await transport.unary(method as DescMethodUnary, undefined, 10_000, {}, request as never).then(() => undefined, (thrown: unknown) => thrown);
    if (error && reasonOf(error) === 'kernel.INTERNAL') failed.push(`${method.parent.typeName}/${method.name}: ${ConnectError.from(error).rawMessage}`);
  }
  assert.deepEqual(failed, []);
});
