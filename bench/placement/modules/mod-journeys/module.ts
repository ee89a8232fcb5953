import { defineModule, serve } from '@mainstay/kernel';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { AccountsService } from '@mainstay/sys-accounts/contract';
import { z } from 'zod';
import { access } from './access.ts';
import { JourneysService } from './contract/index.ts';
import { journeysService } from './server/journeys-service.ts';

/** Journeys: reads a row of its own, and asks for the promise and the account. */
export default defineModule({
  name: 'mod-journeys',
  config: z.strictObject({}),
  requires: { promises: PromisesService, accounts: AccountsService },
  shardBy: 'org',
  database: { migrations: new URL('./database/migrations/', import.meta.url) },
  services: [serve(JourneysService, journeysService)],
  access,
});
