import { defineModule, serve } from '@mainstay/kernel';
import { access } from './access.ts';
import { config } from './config.ts';
import { GreetingMadeSchema, GreetingsService } from './contract/index.ts';
import { greetingsService } from './server/greetings-service.ts';

/** Greetings that the people of an org leave for each other. */
export default defineModule({
  name: 'mod-hello',
  config,
  requires: {},
  shardBy: 'org',
  database: { migrations: new URL('./database/migrations/', import.meta.url) },
  services: [serve(GreetingsService, greetingsService)],
  access,
  emits: [GreetingMadeSchema],
});
