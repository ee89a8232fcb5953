import type { Command } from 'commander';
import { findDeployment } from '../connection/find-deployment.ts';
import { signOut } from '../connection/sessions.ts';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .description('Sign out: end the session of the CLI, or with --as that of another account.')
  .action(async () => {
    const { deployment, as } = globalOptions(command);
    const email = await signOut(findDeployment(deployment), as);
    process.stdout.write(email ? `${email} is signed out\n` : 'nobody was signed in\n');
  });
