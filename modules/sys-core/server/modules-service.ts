import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall, type DeploymentInfo, type ModuleState as State } from '@mainstay/kernel';
import { ModuleState, type ModulesService } from '../contract/index.ts';
import { rolesThatCount } from './decide.ts';

const states: Record<State['state'], ModuleState> = { starting: ModuleState.STARTING, running: ModuleState.RUNNING, quarantined: ModuleState.QUARANTINED };

/** What runs in the deployment. Why a module does not run is for operators: it may name machines and paths. */
export function modulesService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof ModulesService> {
  return {
    listModules() {
      const diagnosing = isOperator();
      return { modules: deployment.modules().map(({ name, state, services, problem = '' }) => ({ name, state: states[state], services, problem: diagnosing ? problem : '' })) };
    },
  };
}

function isOperator(): boolean {
  const { principal } = currentCall();
  if (principal.kind !== 'account') return false;
  const roles = rolesThatCount(principal);
  return roles.includes('OPS') || roles.includes('SUPERADMIN');
}
