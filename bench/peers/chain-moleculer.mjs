// The chain on moleculer: the roles named in ROLES run in this node; NODES names all nodes and their ports, if there are several.
import Fastify from 'fastify';
import { ServiceBroker } from 'moleculer';
import { handlerOf } from './chain.mjs';
import { announce, signedIn } from './peer.mjs';

const roles = process.env.ROLES.split(',');
const nodes = JSON.parse(process.env.NODES ?? '{}');
const nodeID = roles.length > 1 ? 'all' : roles[0];
const urls = Object.entries(nodes).filter(([name]) => name !== nodeID).map(([name, port]) => `127.0.0.1:${port}/${name}`);
const transporter = urls.length > 0 ? { type: 'TCP', options: { port: nodes[nodeID], udpDiscovery: false, urls } } : undefined;
const broker = new ServiceBroker({ nodeID, logger: false, ...(transporter && { transporter }) });
const call = (role, request) => broker.call(`${role}.get`, request, { timeout: 5000 });

for (const role of roles.filter((role) => role !== 'door')) {
  const answer = await handlerOf(role, call);
  broker.createService({ name: role, actions: { get: { params: { id: 'uuid' }, handler: ({ params }) => answer(params) } } });
}
await broker.start();
await broker.waitForServices(['parcels', 'journeys', 'promises', 'accounts'], 20_000);
if (roles.includes('door')) await openDoor();
else announce(0);

async function openDoor() {
  const { token, authenticate } = await signedIn();
  const app = Fastify();
  app.addHook('onRequest', async (request, reply) => {
    if (!(await authenticate(request.headers.authorization))) return reply.code(401).send({ title: 'sign in' });
  });
  app.get('/v1/parcels/:id', { schema: { params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } } } }, ({ params: { id } }) => call('parcels', { id }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  announce(app.server.address().port, token);
}
