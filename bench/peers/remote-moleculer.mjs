// Two nodes of moleculer that know each other's address, over its TCP transporter.
import { createServer } from 'node:net';
import { ServiceBroker } from 'moleculer';

const broker = (nodeID, port, urls) => new ServiceBroker({ nodeID, logger: false, transporter: { type: 'TCP', options: { port, udpDiscovery: false, urls } } });

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

export async function serve() {
  const [port, clientPort] = [await freePort(), await freePort()];
  const node = broker('server', port, [`127.0.0.1:${clientPort}/client`]);
  node.createService({ name: 'echo', actions: { echo: ({ params }) => ({ text: params.text }) } });
  await node.start();
  return `${port}/${clientPort}`;
}

export async function connect(address) {
  const [port, clientPort] = address.split('/').map(Number);
  const node = broker('client', clientPort, [`127.0.0.1:${port}/server`]);
  await node.start();
  await node.waitForServices('echo', 20_000);
  return async (text) => (await node.call('echo.echo', { text }, { timeout: 5000 })).text;
}
