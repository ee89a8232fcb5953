import type { ServiceImpl } from '@connectrpc/connect';
import { platformVersion, type DeploymentInfo, type Phase as PhaseLetter } from '@mainstay/kernel';
import { Phase, type DeploymentService } from '../contract/index.ts';

const phases: Record<PhaseLetter, Phase> = { D: Phase.DEVELOPMENT, T: Phase.TEST, A: Phase.ACCEPTANCE, P: Phase.PRODUCTION };

/** What this deployment is. */
export function deploymentService({ deployment: { name, phase, address } }: { deployment: DeploymentInfo }): ServiceImpl<typeof DeploymentService> {
  return {
    getDeployment: () => ({ name, phase: phases[phase], version: platformVersion, address }),
  };
}
