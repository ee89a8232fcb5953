import type { Command } from 'commander';
import { OperatorError } from '@mainstay/deploy';
import { findDeployment } from '../connection/find-deployment.ts';
import { signIn } from '../connection/sessions.ts';
import { globalOptions } from '../global-options.ts';
import { ask } from '../terminal/ask.ts';

export default (command: Command) => command
  .description('Sign in; from then on the CLI acts as this account. The password is asked for, or read from standard input.')
  .argument('[email]', 'the address of the account; asked for if absent')
  .action(async (email: string | undefined) => {
    const deployment = findDeployment(globalOptions(command).deployment);
    const who = email ?? (await ask('E-mail address: '));
    await signIn(deployment, who, await ask('Password: ', { secret: true }), { newPassword: askNewPassword, code: askCode });
    process.stdout.write(`signed in to ${deployment.name} as ${who}\n`);
  });

/** The code of an app, of an e-mail, or a recovery code, by what the account has. */
function askCode(factors: readonly string[], sent: boolean): Promise<string> {
  if (sent) return ask('Code that was sent to you by e-mail, or a recovery code: ');
  if (!factors.includes('TOTP')) return ask('Recovery code (passkeys are for browsers): ');
  return ask(`Code of your app, or a recovery code${factors.includes('EMAIL_CODE') ? '; empty to have one sent by e-mail' : ''}: `);
}

/** A mistyped password that nobody saw would lock its owner out. */
async function askNewPassword(): Promise<string> {
  const password = await ask('This password is good for one login. New password: ', { secret: true });
  if (process.stdin.isTTY && password !== (await ask('Once more: ', { secret: true }))) throw new OperatorError('these are two different passwords; nothing was changed');
  return password;
}
