import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import type { EmailService } from '@mainstay/sys-email/contract';
import { pageOf } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';

/** Tells a person that they are linked to a provider, since it may have been somebody else. */
export const mailIdentityLinked = job<Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> }, { accountId: string; externalIdentityId: string }>('mail-identity-linked', async ({ db, deployment, email }, { accountId, externalIdentityId }) => {
  const found = await db.read((q) =>
    q
      .selectFrom('sys_accounts_external_identities as i')
      .innerJoin('sys_accounts_identity_providers as p', 'p.id', 'i.provider_id')
      .innerJoin('sys_accounts_accounts as a', 'a.id', 'i.account_id')
      .selectAll('a')
      .select('p.name as provider')
      .where('i.id', '=', externalIdentityId)
      .where('a.id', '=', accountId)
      .where('a.email', 'is not', null)
      .executeTakeFirst(),
  );
  if (found) await send(email, { template: 'identity-linked', to: readerOf(found), values: { provider: found.provider, link: pageOf(deployment, 'forgot-password') } });
});
