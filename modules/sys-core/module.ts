import { defineModule, on, serve } from '@mainstay/kernel';
import { AccountClosedSchema, KeysService, StandingService } from '@mainstay/sys-accounts/contract';
import { access } from './access.ts';
import { config } from './config.ts';
import { AuditService, DeadLettersService, DeploymentService, EventsService, FilesService, ModulesService, SagasService, SettingsService, ShardsService, WebhookEndpointDisabledSchema, WebhooksInService, WebhooksService } from './contract/index.ts';
import { createAuditLog } from './server/audit/audit-log.ts';
import { auditService } from './server/audit/audit-service.ts';
import { deadLettersService } from './server/dead-letters-service.ts';
import { deploymentService } from './server/deployment-service.ts';
import { eventsService } from './server/events-service.ts';
import { collectFiles } from './server/files/collect-files.ts';
import { filesService } from './server/files/files-service.ts';
import { leaveFiles } from './server/files/leave-files.ts';
import { removeContent } from './server/files/remove-content.ts';
import { createGuard } from './server/guard.ts';
import { modulesService } from './server/modules-service.ts';
import { sagasService } from './server/sagas-service.ts';
import { settingsService } from './server/settings/settings-service.ts';
import { createSettingsStore } from './server/settings/settings-store.ts';
import { shardsService } from './server/shards/shards-service.ts';
import { webhooksInService } from './server/webhooks-in-service.ts';
import { createOutboundWebhooks } from './server/webhooks/outbound-webhooks.ts';
import { forgetDeliveries } from './server/webhooks/forget-deliveries.ts';
import { webhooksService } from './server/webhooks/webhooks-service.ts';
import { settings } from './settings.ts';

/** The core of the platform: decides who may do what, keeps the audit and the settings, and tells what runs. */
export default defineModule({
  name: 'sys-core',
  config,
  settings,
  requires: { keys: KeysService, standing: StandingService },
  database: { migrations: new URL('./database/migrations/', import.meta.url) },
  services: [serve(ModulesService, modulesService), serve(DeploymentService, deploymentService), serve(AuditService, auditService), serve(FilesService, filesService), serve(SettingsService, settingsService), serve(ShardsService, shardsService), serve(DeadLettersService, deadLettersService), serve(SagasService, sagasService), serve(EventsService, eventsService), serve(WebhooksInService, webhooksInService), serve(WebhooksService, webhooksService)],
  access,
  emits: [WebhookEndpointDisabledSchema],
  events: [on(AccountClosedSchema, leaveFiles)],
  jobs: [removeContent, collectFiles, forgetDeliveries],
  guard: createGuard,
  audit: createAuditLog,
  settingsStore: createSettingsStore,
  outboundWebhooks: createOutboundWebhooks,
  commands: { audit: () => import('./commands/audit.ts'), files: () => import('./commands/files.ts'), settings: () => import('./commands/settings.ts'), shards: () => import('./commands/shards.ts'), 'dead-letters': () => import('./commands/dead-letters.ts'), sagas: () => import('./commands/sagas.ts'), events: () => import('./commands/events.ts'), webhooks: () => import('./commands/webhooks.ts') },
});
