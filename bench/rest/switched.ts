import { readDeployment } from '@mainstay/kernel/deployment';
import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';

/**
 * Starts a deployment whose observing is switched off by SIGUSR2, and on again by the next: what is compared is one process
 * with itself, since two of the same kind differ by more than what is looked for. Arguments: the database server, the
 * database, the secret, a folder, and the deployment file.
 */
const [databaseUrl, databaseName, secret, dataFolder, file] = process.argv.slice(2) as [string, string, string, string, string];
const deployment = readDeployment(file, modules);
const observed = deployment.telemetry!;
const usual = { ...observed };
process.on('SIGUSR2', () => Object.assign(observed, observed.calls ? { calls: false, requestLog: 'none' } : usual));
const { address } = await startProcess({ deployment, databaseUrl, databaseName, secret, dataFolder, log: createLog({ level: 'warn' }), announce: () => {} });
console.log(JSON.stringify({ msg: 'ready', address: address.replace('localhost', '127.0.0.1') }));
process.once('SIGTERM', () => process.exit());
