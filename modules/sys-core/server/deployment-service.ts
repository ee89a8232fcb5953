import { readFileSync } from 'node:fs';
import type { ServiceImpl } from '@connectrpc/connect';
import type { DeploymentInfo, Phase as PhaseLetter } from '@mainstay/kernel';
import { Phase, type DeploymentService } from '../contract/index.ts';

const phases: Record<PhaseLetter, Phase> = { D: Phase.DEVELOPMENT, T: Phase.TEST, A: Phase.ACCEPTANCE, P: Phase.PRODUCTION };

/** The platform's version: all of it is released as one. */
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** What this deployment is. */
export function deploymentService({ deployment: { name, phase, address } }: { deployment: DeploymentInfo }): ServiceImpl<typeof DeploymentService> {
  return {
    getDeployment: () => ({ name, phase: phases[phase], version, address }),
  };
}
