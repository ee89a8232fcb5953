import { OperatorError } from '@mainstay/deploy/operator-error';
import { ask } from './ask.ts';

const variable = 'MAINSTAY_BACKUP_PASSPHRASE';
const shortest = 12;

/** The passphrase of a backup: from the environment, or asked where there is a terminal; a new one twice. */
export async function askPassphrase({ twice = false } = {}): Promise<string> {
  const given = process.env[variable];
  if (!given && !process.stdin.isTTY) throw new OperatorError(`there is nobody to ask for the passphrase: set ${variable}`);
  const passphrase = given || (await ask('Passphrase: ', { secret: true }));
  if (!twice) return passphrase;
  if (passphrase.length < shortest) throw new OperatorError(`a passphrase that protects a whole deployment needs at least ${shortest} characters; four words that nobody would guess together are good`);
  if (!given && (await ask('Once more: ', { secret: true })) !== passphrase) throw new OperatorError('the two passphrases differ; try again');
  return passphrase;
}
