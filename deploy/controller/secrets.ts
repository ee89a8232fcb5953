import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { replaceFile } from './replace-file.ts';
import type { StateFolder } from './state-folder.ts';

/** Makes the deployment's own secret if it has none. Whoever has it can sign in as anyone. */
export function makeSecrets({ secrets }: StateFolder): void {
  if (!existsSync(secrets)) replaceFile(secrets, `MAINSTAY_SECRET=${randomBytes(32).toString('hex')}\n`);
}

/** What the processes of a deployment find in their environment: ours, and the secrets in its state folder. */
export function deploymentEnvironment({ secrets }: StateFolder): NodeJS.ProcessEnv {
  return { ...(existsSync(secrets) && parseEnv(readFileSync(secrets, 'utf8'))), ...process.env };
}
