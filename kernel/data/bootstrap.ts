import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { runInCall } from '../guard/call.ts';
import type { Bootstrap, BootstrapTools, Phase } from '../module/define-module.ts';
import { readYaml } from '../module/read-yaml.ts';

export interface BootstrapOptions<N> {
  module: string;
  bootstrap: Bootstrap<N>;
  phase: Phase;
  needs: N;
  tools: BootstrapTools;
  /** In a shard: which orgs are here. */
  ownsOrg?: (orgId: string) => boolean;
}

/**
 * Puts a module's first data in place, if its file is meant for the deployment's phase. The module acts for itself and
 * sees every org; `runInOrg` runs a part in one. Throws a `StartError` with file, line and key if the file is wrong.
 */
export async function loadBootstrap<N>({ module, bootstrap, phase, needs, tools, ownsOrg }: BootstrapOptions<N>): Promise<void> {
  const schema = z.strictObject({ phases: z.array(z.enum(['D', 'T', 'A', 'P'])).min(1), data: bootstrap.schema });
  const { phases, data } = readYaml(fileURLToPath(bootstrap.file), schema);
  if (!phases.includes(phase)) return;
  const call = { principal: { kind: 'module' as const, module }, acrossOrgs: true, traceId: randomBytes(16).toString('hex'), ...(ownsOrg && { ownsOrg }) };
  await runInCall(call, () => bootstrap.load(needs, data as never, tools));
}
