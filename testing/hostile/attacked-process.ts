import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { readYamlOf } from '../start-deployment.ts';

/** A deployment of all modules, for tests that attack it: on the database, with the secret and the `http` section of its arguments; tells its parent its port. */
const [adminUrl, databaseName, secret, dataFolder, http] = process.argv.slice(2) as [string, string, string, string, string];
const running = await startProcess({
  deployment: readYamlOf({ name: 'test', phase: 'T', http: { host: '127.0.0.1', port: 0, ...(JSON.parse(http) as object) }, operators: 'off', modules: Object.fromEntries(modules.map(({ name }) => [name, null])) }, modules),
  databaseUrl: adminUrl,
  databaseName,
  secret,
  dataFolder,
  log: createLog({ level: 'fatal' }),
  announce: () => {},
});
process.send!(Number(new URL(running.address).port));
