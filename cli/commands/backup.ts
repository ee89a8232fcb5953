import { backUp } from '@mainstay/deploy/backup';
import { terminalSteps } from '@mainstay/deploy/steps';
import { quantity } from '@mainstay/kernel/quantity';
import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';
import { askPassphrase } from '../terminal/ask-passphrase.ts';

export default (command: Command) => command
  .description('Back up a whole deployment into one file: its configuration, its database, its files. It may be running.')
  .argument('<file>', 'where the backup goes')
  .option('--encrypt', 'encrypt it with a passphrase, from MAINSTAY_BACKUP_PASSPHRASE or asked; then it holds the deployment\'s secrets too')
  .option('--force', 'replace the file if it is there')
  .action(async (file: string, { encrypt, force }: { encrypt?: boolean; force?: boolean }) => {
    const { deployment, json } = globalOptions(command);
    const passphrase = encrypt ? await askPassphrase({ twice: true }) : undefined;
    const { header, manifest, bytes } = await backUp({ file, ...(deployment && { deployment }), ...(force && { force }), ...(passphrase !== undefined && { passphrase }) }, terminalSteps());
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    if (json) return void process.stdout.write(`${JSON.stringify({ file, ...header, encrypted: Boolean(encrypt), bytes, tables: manifest.tables.length, rows, files: manifest.files.length }, null, 2)}\n`);
    process.stdout.write(`${header.deployment} is backed up in ${file}: ${quantity(manifest.tables.length, 'table')} with ${quantity(rows, 'row')}, ${quantity(manifest.files.length, 'file')}, ${(bytes / 1e6).toFixed(1)} MB\n`);
    process.stdout.write(encrypt
      ? 'It holds the secrets in the deployment\'s state folder, but none from the environment. Without the passphrase it can\'t be read.\n'
      : 'It holds no secrets: restored elsewhere the deployment has a new one, so everybody signs in again and the seals of the audit stay unproved. Whoever has the file can read the data. --encrypt changes both.\n');
  });
