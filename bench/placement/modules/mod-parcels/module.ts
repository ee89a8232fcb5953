import { defineModule, serve } from '@mainstay/kernel';
import { z } from 'zod';
import { JourneysService } from '../mod-journeys/contract/index.ts';
import { access } from './access.ts';
import { ParcelsService } from './contract/index.ts';
import { parcelsService } from './server/parcels-service.ts';

/** Parcels: reads a row of its own, and asks for the journey. */
export default defineModule({
  name: 'mod-parcels',
  config: z.strictObject({}),
  requires: { journeys: JourneysService },
  shardBy: 'org',
  database: { migrations: new URL('./database/migrations/', import.meta.url) },
  services: [serve(ParcelsService, parcelsService)],
  access,
});
