import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall, platformVersion, type DeploymentInfo, type ModuleState as State } from '@mainstay/kernel';
import { ModuleState, type ModulesService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import { rolesThatCount } from './decide.ts';
import { moduleHealth } from './module-health.ts';

const states: Record<State['state'], ModuleState> = { starting: ModuleState.STARTING, running: ModuleState.RUNNING, quarantined: ModuleState.QUARANTINED };

/** What runs in the deployment. Why a module does not run is for operators: it may name machines and paths. */
export function modulesService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof ModulesService> {
  return {
    listModules() {
      const diagnosing = isOperator();
      return { modules: deployment.modules().map((module) => moduleMessage(module, diagnosing)) };
    },

    async getModule({ name }) {
      const module = deployment.modules().find((known) => known.name === name);
      if (!module) throw errors.MODULE_NOT_FOUND({ name, modules: deployment.modules().map((known) => known.name).join(', ') });
      return { ...moduleMessage(module, true), health: await moduleHealth(deployment.operations, module) };
    },
  };
}

const moduleMessage = ({ name, state, since, services, requires, problem = '' }: State, diagnosing: boolean) =>
  ({ name, state: states[state], since: timestampFromDate(since), services, requires, version: platformVersion, problem: diagnosing ? problem : '' });

function isOperator(): boolean {
  const { principal } = currentCall();
  if (principal.kind !== 'account') return false;
  const roles = rolesThatCount(principal);
  return roles.includes('OPS') || roles.includes('SUPERADMIN');
}
