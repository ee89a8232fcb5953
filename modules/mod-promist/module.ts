import { bootstrapFrom, defineModule, on, serve } from '@mainstay/kernel';
import { AccountClosedSchema, AccountsService, OrgsService } from '@mainstay/sys-accounts/contract';
import { access } from './access.ts';
import { config } from './config.ts';
import { ContactsService, NotificationsService, PromiseFailedSchema, PromiseFulfilledSchema, PromiseMadeSchema, PromiseSharedSchema, PromisesImportedSchema, PromisesService, ReminderFiredSchema } from './contract/index.ts';
import { contactsService } from './server/contacts-service.ts';
import { demoPromises, loadDemoPromises } from './server/load-demo-promises.ts';
import { notificationsService } from './server/notifications-service.ts';
import { promisesService } from './server/promises-service.ts';
import { purgeDeleted } from './server/purge-deleted.ts';
import { fireReminder } from './server/reminders/fire-reminder.ts';
import { removePromises } from './server/remove-promises.ts';
import { settings } from './settings.ts';

/** Promises that people make: kept or broken, shared, reminded of, imported and exported. */
export default defineModule({
  name: 'mod-promist',
  config,
  settings,
  // The orgs only for the demo's first data.
  requires: { accounts: AccountsService, orgs: OrgsService },
  // A promise, its reminders and its history live in one shard.
  shardBy: 'org',
  database: {
    migrations: new URL('./database/migrations/', import.meta.url),
    bootstrap: bootstrapFrom(new URL('./database/bootstrap.yaml', import.meta.url), demoPromises, loadDemoPromises),
  },
  services: [serve(PromisesService, promisesService), serve(ContactsService, contactsService), serve(NotificationsService, notificationsService)],
  access,
  emits: [PromiseMadeSchema, PromisesImportedSchema, PromiseFulfilledSchema, PromiseFailedSchema, PromiseSharedSchema, ReminderFiredSchema],
  events: [on(AccountClosedSchema, removePromises)],
  jobs: [fireReminder, purgeDeleted],
  commands: { promises: () => import('./commands/promises.ts') },
});
