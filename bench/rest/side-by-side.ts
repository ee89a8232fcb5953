import { join } from 'node:path';
import { readDeployment } from '@mainstay/kernel/deployment';
import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';

/**
 * Starts several deployments in one process, for benchmarks that compare them: two processes of the same kind differ by
 * more than what is compared. Arguments: the database server, the secret, a folder, and the deployment files; says where they
 * listen, in the same order.
 */
const [adminUrl, secret, folder, ...files] = process.argv.slice(2) as [string, string, string, ...string[]];
const addresses: string[] = [];
for (const [index, file] of files.entries()) {
  const { address } = await startProcess({
    deployment: readDeployment(file, modules),
    databaseUrl: adminUrl,
    databaseName: `side${index}`,
    secret,
    dataFolder: join(folder, `data-${index}`),
    log: createLog({ level: 'warn' }),
    announce: () => {},
  });
  addresses.push(address.replace('localhost', '127.0.0.1'));
}
console.log(JSON.stringify({ msg: 'ready', addresses }));
process.once('SIGTERM', () => process.exit());
