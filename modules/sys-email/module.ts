import { bootstrapFrom, defineModule, on, serve } from '@mainstay/kernel';
import { AccountClosedSchema } from '@mainstay/sys-accounts/contract';
import { access } from './access.ts';
import { config } from './config.ts';
import { EmailNotSentSchema, EmailSentSchema, EmailService, EmailsService, MailboxService, SubscriptionsService, SuppressionsService, TemplatesService } from './contract/index.ts';
import { emailService } from './server/email-service.ts';
import { emailsService } from './server/emails-service.ts';
import { forgetAccount } from './server/forget-account.ts';
import { forgetEmails } from './server/forget-emails.ts';
import { mailboxService } from './server/mailbox/mailbox-service.ts';
import { EmailSender } from './server/queue/email-sender.ts';
import { bounces } from './server/suppressions/bounces.ts';
import { subscriptionsService } from './server/suppressions/subscriptions-service.ts';
import { suppressionsService } from './server/suppressions/suppressions-service.ts';
import { nothing, tellSetUp } from './server/tell-set-up.ts';
import { templatesService } from './server/templates/templates-service.ts';
import { settings } from './settings.ts';

/** E-mail: what modules have to tell people, sent once, in their language, and to nobody who does not want it. */
export default defineModule({
  name: 'sys-email',
  config,
  settings,
  requires: {},
  database: {
    migrations: new URL('./database/migrations/', import.meta.url),
    bootstrap: bootstrapFrom(new URL('./database/bootstrap.yaml', import.meta.url), nothing, tellSetUp),
  },
  services: [
    // For other modules alone.
    serve(EmailService, emailService),
    serve(EmailsService, emailsService),
    serve(TemplatesService, templatesService),
    serve(SuppressionsService, suppressionsService),
    serve(SubscriptionsService, subscriptionsService),
    serve(MailboxService, mailboxService),
  ],
  access,
  emits: [EmailSentSchema, EmailNotSentSchema],
  events: [on(AccountClosedSchema, forgetAccount)],
  jobs: [forgetEmails],
  webhooks: [bounces],
  sender: (needs) => new EmailSender(needs),
  emails: new URL('./emails/', import.meta.url),
  commands: { emails: () => import('./commands/emails.ts') },
  client: new URL('./client/', import.meta.url),
  pages: { '/': { title: 'Mailbox', view: 'mailbox.html' } },
});
