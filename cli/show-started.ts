import { demoLogins, type RunRecord } from '@mainstay/deploy';

/** Prints where a deployment is reached, and who can sign in to a demo. */
export function showStarted({ run, modules }: { run: RunRecord; modules: readonly string[] }): void {
  const { name, phase, address = '' } = run;
  const lines = [
    '',
    `${name} is running (phase ${phase}): ${modules.join(', ')}`,
    `  web   ${address}`,
    `  REST  ${address}/docs (description: ${address}/openapi.json)`,
    `  gRPC  ${address.replace(/^https?:\/\//, '')}`,
    ...demoLogins(phase, modules),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
