import { demoLogins, moduleStates, type RunRecord } from '@mainstay/deploy';

/** Prints where a deployment is reached, what does not run of it, and who can sign in to a demo. */
export async function showStarted({ run, modules }: { run: RunRecord; modules: readonly string[] }): Promise<void> {
  const { name, phase, address = '', operatorsAddress } = run;
  const broken = ((await moduleStates(run)) ?? []).filter(({ state }) => state === 'quarantined');
  const sound = modules.filter((module) => !broken.some(({ name }) => name === module));
  const lines = [
    '',
    `${name} is running (phase ${phase}): ${sound.join(', ')}`,
    ...broken.map(({ name, problem }) => `  ${name} does not run: ${problem}`),
    `  web   ${address}`,
    `  REST  ${address}/docs (description: ${address}/openapi.json)`,
    `  gRPC  ${address.replace(/^https?:\/\//, '')}`,
    ...(operatorsAddress ? [`  for operators  ${operatorsAddress}/metrics`] : []),
    ...demoLogins(phase, modules),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
