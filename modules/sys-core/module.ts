import { defineModule, serve } from '@mainstay/kernel';
import { KeysService, StandingService } from '@mainstay/sys-accounts/contract';
import { config } from './config.ts';
import { DeploymentService, ModulesService } from './contract/index.ts';
import { deploymentService } from './server/deployment-service.ts';
import { createGuard } from './server/guard.ts';
import { modulesService } from './server/modules-service.ts';

/** The core of the platform: decides who may do what, and tells what runs. */
export default defineModule({
  name: 'sys-core',
  config,
  requires: { keys: KeysService, standing: StandingService },
  services: [serve(ModulesService, modulesService), serve(DeploymentService, deploymentService)],
  guard: createGuard,
});
