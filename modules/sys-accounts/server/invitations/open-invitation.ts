import { sql, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { idOfToken } from '../email-tokens.ts';
import type { Needs } from '../needs.ts';

export type InvitationRow = Selectable<Tables['sys_accounts_invitations']>;

/** Until when an invitation that is sent now is good. */
export const lastsAWeek = sql<Date>`now() + interval '7 days'`;

/** The invitation of a link. Throws `LINK_INVALID` if it was used, taken back, or has expired. */
export async function openInvitation({ db, deployment }: Pick<Needs, 'db' | 'deployment'>, token: string): Promise<InvitationRow> {
  const id = idOfToken(deployment, 'accept-invitation', token);
  const row = id && (await db.read((q) => q.selectFrom('sys_accounts_invitations').selectAll().where('id', '=', id).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst()));
  if (!row) throw errors.LINK_INVALID();
  return row;
}
