import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { readerOf, send } from '../emails/send.ts';
import type { Needs, Reader } from '../needs.ts';

type Mailing = Pick<Needs, 'db'> & { email: Client<typeof EmailService> };
interface Payload { userRequestId: string }

/** So many administrators of an org are written to. */
const mostReaders = 50;

/** Tells the administrators of an org what a member asks for. */
export const mailRequestMade = job<Mailing, Payload>('mail-request-made', async ({ db, email }, { userRequestId }) => {
  const request = await db.read((q) => readRequest(q, userRequestId));
  if (!request) return;
  const administrators = await db.read((q) =>
    q
      .selectFrom('sys_accounts_accounts as a')
      .innerJoin('sys_accounts_role_grants as g', 'g.account_id', 'a.id')
      .selectAll('a')
      .where('g.scope_org', '=', request.owner_org)
      .where('g.role', '=', 'ADMIN')
      .where('g.scope_project', 'is', null)
      .where('a.state', '=', 'ACTIVE')
      .orderBy('a.id')
      .limit(mostReaders)
      .execute(),
  );
  const values = { person: request.display_name, org: request.org, request: request.text };
  for (const administrator of administrators) await send(email, { template: 'request-made', to: readerOf(administrator), values, sender: Sender.NOTIFICATION, orgId: request.owner_org });
});

/** Tells a member what became of the request. */
export const mailRequestDecided = job<Mailing, Payload>('mail-request-decided', async ({ db, email }, { userRequestId }) => {
  const request = await db.read((q) => readRequest(q, userRequestId));
  if (!request) return;
  const template = request.state === 'APPROVED' ? 'request-approved' : 'request-declined';
  await send(email, { template, to: readerOf({ ...request, id: request.account_id }), values: { org: request.org, answer: request.answer || request.text }, sender: Sender.NOTIFICATION, orgId: request.owner_org });
});

const readRequest = (q: Reader, id: string) =>
  q
    .selectFrom('sys_accounts_user_requests as r')
    .innerJoin('sys_accounts_orgs as o', 'o.id', 'r.owner_org')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'r.account_id')
    .select(['r.owner_org', 'r.account_id', 'r.text', 'r.state', 'r.answer', 'o.name as org', 'a.email', 'a.display_name', 'a.language'])
    .where('r.id', '=', id)
    .where('a.email', 'is not', null)
    .executeTakeFirst();
