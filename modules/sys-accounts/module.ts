import { bootstrapFrom, cron, defineModule, serve } from '@mainstay/kernel';
import { EmailService } from '@mainstay/sys-email/contract';
import { access } from './access.ts';
import { config } from './config.ts';
import { AccountClosedSchema, AccountLockedSchema, AccountRegisteredSchema, AccountsService, AccountUnlockedSchema, ApiKeysService, KeysService, MembershipChangedSchema, OAuthClientsService, OAuthService, EmailDomainsService, GroupMappingsService, ScimService, OrgsService, SecondFactorsChangedSchema, SecondFactorsService, EmailChangeService, ExternalIdentitiesService, FederationService, IdentityProvidersService, InvitationsService, RecoveryService, RegistrationService, SamlService, SessionsService, StandingService, ActingService, IssuesService, PersonalDataService, UserRequestsService, UserViewService } from './contract/index.ts';
import { accountsService } from './server/accounts-service.ts';
import { apiKeysService } from './server/api-keys-service.ts';
import { firstData, loadFirstData } from './server/bootstrap.ts';
import { keysService } from './server/keys-service.ts';
import { samlService } from './server/federation/saml/saml-service.ts';
import { rotateServiceKeys } from './server/federation/saml/service-keys.ts';
import { oauthClientsService } from './server/oauth/clients-service.ts';
import { oauthService } from './server/oauth/oauth-service.ts';
import { rotateIdTokenKey } from './server/oauth/provider-keys.ts';
import { tellLogout } from './server/oauth/tell-logout.ts';
import { orgsService } from './server/orgs-service.ts';
import { actingService } from './server/acting/acting-service.ts';
import { mailActing } from './server/acting/mail-acting.ts';
import { emailChangeService } from './server/email-change/email-change-service.ts';
import { mailEmailChange, mailEmailChanged } from './server/email-change/mail-email-change.ts';
import { externalIdentitiesService } from './server/federation/external-identities-service.ts';
import { federationService } from './server/federation/federation-service.ts';
import { identityProvidersService } from './server/federation/identity-providers-service.ts';
import { mailIdentityLinked } from './server/federation/mail-identity-linked.ts';
import { invitationsService } from './server/invitations/invitations-service.ts';
import { mailInvitation } from './server/invitations/mail-invitation.ts';
import { emailDomainsService } from './server/directory/email-domains-service.ts';
import { groupMappingsService } from './server/directory/group-mappings-service.ts';
import { letAccountsRest } from './server/let-accounts-rest.ts';
import { mailPasswordChanged } from './server/recovery/mail-password-changed.ts';
import { mailPasswordReset } from './server/recovery/mail-password-reset.ts';
import { recoveryService } from './server/recovery/recovery-service.ts';
import { mailAgain, mailRegistration } from './server/registration/mail-registration.ts';
import { registrationService } from './server/registration/registration-service.ts';
import { removeExpired } from './server/remove-expired.ts';
import { mailFactorsChanged } from './server/second-factors/announce-change.ts';
import { mailFactorCode, mailLoginCode } from './server/second-factors/email-codes.ts';
import { secondFactorsService } from './server/second-factors/second-factors-service.ts';
import { scimService } from './server/scim/scim-service.ts';
import { rotateSigningKey } from './server/signing-keys.ts';
import { sessionsService } from './server/sessions-service.ts';
import { standingService } from './server/standing-service.ts';
import { issuesService } from './server/issues/issues-service.ts';
import { personalDataService } from './server/personal-data/personal-data-service.ts';
import { mailRequestDecided, mailRequestMade } from './server/user-requests/mail-requests.ts';
import { userRequestsService } from './server/user-requests/user-requests-service.ts';
import { userViewService } from './server/user-view/user-view-service.ts';
import { settings } from './settings.ts';

/** Accounts: who a person is, how they prove it, and which orgs and roles are theirs. */
export default defineModule({
  name: 'sys-accounts',
  config,
  settings,
  requires: { email: EmailService },
  database: {
    migrations: new URL('./database/migrations/', import.meta.url),
    bootstrap: bootstrapFrom(new URL('./database/bootstrap.yaml', import.meta.url), firstData, loadFirstData),
  },
  services: [
    serve(AccountsService, accountsService),
    serve(SessionsService, sessionsService),
    serve(SecondFactorsService, secondFactorsService),
    serve(OrgsService, orgsService),
    serve(ApiKeysService, apiKeysService),
    serve(OAuthService, oauthService),
    serve(OAuthClientsService, oauthClientsService),
    serve(IdentityProvidersService, identityProvidersService),
    serve(ExternalIdentitiesService, externalIdentitiesService),
    serve(FederationService, federationService),
    serve(SamlService, samlService),
    serve(EmailDomainsService, emailDomainsService),
    serve(GroupMappingsService, groupMappingsService),
    serve(ScimService, scimService),
    serve(RegistrationService, registrationService),
    serve(RecoveryService, recoveryService),
    serve(InvitationsService, invitationsService),
    serve(EmailChangeService, emailChangeService),
    serve(UserViewService, userViewService),
    serve(ActingService, actingService),
    serve(UserRequestsService, userRequestsService),
    serve(IssuesService, issuesService),
    serve(PersonalDataService, personalDataService),
    // For the guard alone.
    serve(KeysService, keysService),
    serve(StandingService, standingService),
  ],
  access,
  commands: { clients: () => import('./commands/clients.ts') },
  emails: new URL('./emails/', import.meta.url),
  client: new URL('./client/', import.meta.url),
  pages: { '/clients': { title: 'OAuth clients', view: 'clients.html' } },
  emits: [AccountRegisteredSchema, AccountLockedSchema, AccountUnlockedSchema, AccountClosedSchema, MembershipChangedSchema, SecondFactorsChangedSchema],
  jobs: [cron('rotate-signing-key', '17 3 1 * *', rotateSigningKey), cron('rotate-id-token-key', '27 3 1 * *', rotateIdTokenKey), cron('rotate-saml-key', '37 3 1 * *', rotateServiceKeys), tellLogout, cron('remove-expired', '43 3 * * *', removeExpired), cron('let-accounts-rest', '13 3 * * *', letAccountsRest), mailRegistration, mailAgain, mailPasswordReset, mailPasswordChanged, mailInvitation, mailEmailChange, mailEmailChanged, mailActing, mailRequestMade, mailRequestDecided, mailLoginCode, mailFactorCode, mailFactorsChanged, mailIdentityLinked],
});
