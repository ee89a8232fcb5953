import { defineModule, serve } from '@mainstay/kernel';
import { access } from './access.ts';
import { config } from './config.ts';
import { GatewayService } from './contract/index.ts';
import { createGateway } from './server/create-gateway.ts';
import { gatewayService } from './server/gateway-service.ts';
import { settings } from './settings.ts';

/** The public door of a deployment: who is let in, from where, how often, and by which name. */
export default defineModule({
  name: 'sys-gateway',
  config,
  settings,
  requires: {},
  services: [serve(GatewayService, gatewayService)],
  access,
  gateway: createGateway,
  commands: { gateway: () => import('./commands/gateway.ts') },
});
