import type { Command } from 'commander';
import { OperatorError } from '@mainstay/deploy';
import type { DeviceCode } from '../connection/device-login.ts';
import { findDeployment } from '../connection/find-deployment.ts';
import { signIn, signInElsewhere } from '../connection/sessions.ts';
import { globalOptions } from '../global-options.ts';
import { ask } from '../terminal/ask.ts';

export default (command: Command) => command
  .description('Sign in; from then on the CLI acts as this account. With an address its password is asked for, or read from standard input; without one you log in with a browser, on this machine or another.')
  .argument('[email]', 'the address of an account, to sign in by its password')
  .action(async (email: string | undefined) => {
    const deployment = findDeployment(globalOptions(command).deployment);
    if (email !== undefined) await signIn(deployment, email, await ask('Password: ', { secret: true }), { newPassword: askNewPassword, code: askCode });
    const who = email ?? (await signInElsewhere(deployment, showCode));
    process.stdout.write(`signed in to ${deployment.name} as ${who}\n`);
  });

/** On standard error, so that a script gets the result alone. */
const showCode = ({ address, code, seconds }: DeviceCode): void =>
  void process.stderr.write(`Open ${address}\nin a browser and see that it shows the code ${code}. Waiting for ${Math.round(seconds / 60)} minutes …\n`);

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
