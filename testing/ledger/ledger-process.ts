import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import { readYamlOf } from '../start-deployment.ts';
import { clerk, ledger } from './ledger-modules.ts';

/** A process with the ledger, for tests that kill it: on the database and with the secret of its arguments; tells its parent its address. */
const [adminUrl, databaseName, secret, dataFolder] = process.argv.slice(2) as [string, string, string, string];
const running = await startProcess({
  deployment: readYamlOf({ name: 'test', phase: 'T', http: { port: 0 }, modules: { 'sys-core': null, 'sys-accounts': null, 'mod-ledger': null, 'mod-clerk': null } }, [...modules, ledger, clerk]),
  databaseUrl: adminUrl,
  databaseName,
  secret,
  dataFolder,
  log: createLog({ level: 'fatal' }),
  announce: () => {},
});
process.send!(running.address);
