import { bootstrapFrom, cron, defineModule, serve } from '@mainstay/kernel';
import { access } from './access.ts';
import { config } from './config.ts';
import { AccountClosedSchema, AccountLockedSchema, AccountRegisteredSchema, AccountsService, AccountUnlockedSchema, ApiKeysService, KeysService, MembershipChangedSchema, OrgsService, SessionsService, StandingService } from './contract/index.ts';
import { accountsService } from './server/accounts-service.ts';
import { apiKeysService } from './server/api-keys-service.ts';
import { firstData, loadFirstData } from './server/bootstrap.ts';
import { keysService } from './server/keys-service.ts';
import { orgsService } from './server/orgs-service.ts';
import { removeExpired } from './server/remove-expired.ts';
import { rotateSigningKey } from './server/signing-keys.ts';
import { sessionsService } from './server/sessions-service.ts';
import { standingService } from './server/standing-service.ts';

/** Accounts: who a person is, how they prove it, and which orgs and roles are theirs. */
export default defineModule({
  name: 'sys-accounts',
  config,
  requires: {},
  database: {
    migrations: new URL('./database/migrations/', import.meta.url),
    bootstrap: bootstrapFrom(new URL('./database/bootstrap.yaml', import.meta.url), firstData, loadFirstData),
  },
  services: [
    serve(AccountsService, accountsService),
    serve(SessionsService, sessionsService),
    serve(OrgsService, orgsService),
    serve(ApiKeysService, apiKeysService),
    // For the guard alone.
    serve(KeysService, keysService),
    serve(StandingService, standingService),
  ],
  access,
  emits: [AccountRegisteredSchema, AccountLockedSchema, AccountUnlockedSchema, AccountClosedSchema, MembershipChangedSchema],
  jobs: [cron('rotate-signing-key', '17 3 1 * *', rotateSigningKey), cron('remove-expired', '43 3 * * *', removeExpired)],
});
