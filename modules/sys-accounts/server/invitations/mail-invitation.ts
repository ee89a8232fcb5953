import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { sql } from 'kysely';
import { linkFor, timeText } from '../emails/links.ts';
import { send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';

/** Writes to who is invited to an org. */
export const mailInvitation = job<Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> }, { invitationId: string }>('mail-invitation', async ({ db, deployment, email }, { invitationId }) => {
  const invitation = await db.read((q) =>
    q
      .selectFrom('sys_accounts_invitations as i')
      .innerJoin('sys_accounts_orgs as o', 'o.id', 'i.owner_org')
      .innerJoin('sys_accounts_accounts as a', 'a.id', 'i.inviter_id')
      .select(['i.id', 'i.email', 'i.language', 'i.expires_at', 'i.owner_org', 'o.name as org', 'a.display_name as inviter', 'a.time_zone'])
      .where('i.id', '=', invitationId)
      .where('i.expires_at', '>', sql<Date>`now()`)
      .executeTakeFirst(),
  );
  if (!invitation) return;
  const { id, email: address, language, expires_at: expires, owner_org: orgId, org, inviter, time_zone: timeZone } = invitation;
  const values = { link: linkFor(deployment, 'accept-invitation', id), until: timeText(expires, { language, timeZone }), inviter, org };
  await send(email, { template: 'invitation', to: { email: address, language }, values, sender: Sender.LOGIN, orgId, expires });
});
