import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall } from '@mainstay/kernel';
import type { EmailService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import type { EmailNeeds } from './needs.ts';
import { queueEmail } from './queue/queue-email.ts';

/** Takes e-mails of other modules. */
export function emailService(needs: EmailNeeds): ServiceImpl<typeof EmailService> {
  return {
    async sendEmail({ template: name, ...wanted }) {
      const { callerModule = '' } = currentCall();
      if (name.split('/')[0] !== callerModule) throw errors.TEMPLATE_OF_ANOTHER({ caller: callerModule, template: name });
      const template = needs.deployment.emails.find(name);
      if (!template) throw errors.TEMPLATE_NOT_FOUND({ template: name });
      return { emailId: await queueEmail(needs, template, wanted) };
    },
  };
}
