import { restore } from '@mainstay/deploy/backup';
import { terminalSteps } from '@mainstay/deploy/steps';
import { quantity } from '@mainstay/kernel/quantity';
import { modules } from '@mainstay/main/modules';
import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';
import { askPassphrase } from '../terminal/ask-passphrase.ts';
import { formatTable } from '../terminal/print-table.ts';

export default (command: Command) => command
  .description('Restore a backup into a deployment that is empty and does not run, and prove every table and file equal. A file that is damaged or too new is refused whole.\nWith --deployment FILE that deployment file counts instead of the one in the backup: its name, and the place for files that it names, on disk or in S3.')
  .argument('<file>', 'a file that ./mainstay backup made')
  .option('--into <name>', 'the name of the restored deployment, instead of the one in the backup')
  .option('--force', 'put the data that is there aside, and tell where')
  .action(async (file: string, { into, force }: { into?: string; force?: boolean }) => {
    const { deployment, json } = globalOptions(command);
    if (deployment && into !== undefined) command.error('error: --into and --deployment both name the restored deployment; give one of them');
    const { name, backup, tables, config, filesIn, putAside } = await restore({ file, modules, passphrase: askPassphrase, ...(deployment && { deployment }), ...(into !== undefined && { into }), ...(force && { force }) }, terminalSteps());
    if (json) return void process.stdout.write(`${JSON.stringify({ name, config, putAside, backup: backup.header, tables: tables.map(({ database, schema, name, found, equal }) => ({ ...(database && { database }), schema, name, ...found, equal })), files: backup.manifest.files.length, filesIn }, null, 2)}\n`);
    const print = (line: string) => void process.stdout.write(`${line}\n`);
    formatTable(tables.map(({ database, schema, name, expected, found, equal }) => ({ table: `${database ? `${database}/` : ''}${schema}.${name}`, backup: String(expected.rows), restored: String(found.rows), content: found.digest.slice(0, 12), equal: equal ? 'yes' : 'no' }))).forEach(print);
    print(`${name} is restored as it was at ${backup.header.created}: ${quantity(tables.length, 'table')} and ${quantity(backup.manifest.files.length, 'file')} are equal, the files in ${filesIn}`);
    if (backup.deployment.secrets === undefined) print('The backup held no secrets: unless the deployment had kept its own here, it has a new one, so everybody signs in again and the seals of the audit stay unproved.');
    for (const place of putAside) print(`What was there before is in ${place}`);
    print(`Start it with ./mainstay up --deployment ${config}`);
  });
