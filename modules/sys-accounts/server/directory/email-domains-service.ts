import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, currentCall, readList, type Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { EmailDomainsService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { requireSharedOrg } from '../member-methods.ts';
import type { Needs, Reader } from '../needs.ts';
import { orTaken } from '../or-taken.ts';
import { checkDomain } from './check-domain.ts';
import { challengeName, challengeValue, shows } from './dns-challenge.ts';
import { isOfAnother } from './domains.ts';

type Tx = Transaction<Tables>;
type DomainRow = Selectable<Tables['sys_accounts_email_domains']>;

/** The e-mail domains of an org. */
export function emailDomainsService(needs: Needs): ServiceImpl<typeof EmailDomainsService> {
  const { db, deployment } = needs;
  return {
    async createEmailDomain({ emailDomain }) {
      const { orgId } = caller();
      const domain = checkDomain(emailDomain!.domain);
      return db.write(async (tx) => {
        await requireSharedOrg(tx, orgId);
        if (await isOfAnother(tx, orgId, domain)) throw errors.EMAIL_DOMAIN_TAKEN({ domain });
        const values = { owner_org: orgId, domain, challenge: randomBytes(24).toString('base64url') };
        const row = await tx.insertInto('sys_accounts_email_domains').values(values).onConflict((conflict) => conflict.doNothing()).returningAll().executeTakeFirst();
        if (!row) throw errors.EMAIL_DOMAIN_CLAIMED({ domain });
        return domainMessage(row);
      });
    },

    getEmailDomain: async ({ emailDomainId }) => domainMessage(await db.read((q) => find(q, emailDomainId))),

    async listEmailDomains(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, ofCaller(q), request, { secret: deployment.secret, fields: listFields.emailDomains, defaultOrder: 'create_time desc' }));
      return { emailDomains: rows.map(domainMessage), nextPageToken, totalSize };
    },

    async verifyEmailDomain({ emailDomainId }) {
      const claimed = await db.read((q) => find(q, emailDomainId));
      if (claimed.verified_at !== null) return domainMessage(claimed);
      if (await db.read((q) => isOfAnother(q, claimed.owner_org, claimed.domain))) throw errors.EMAIL_DOMAIN_TAKEN({ domain: claimed.domain });
      if (!(await shows(needs, claimed))) throw errors.DNS_RECORD_MISSING({ name: challengeName(claimed), value: challengeValue(claimed) });
      return settle(needs, claimed, null);
    },

    async vouchForEmailDomain({ emailDomainId }) {
      const claimed = await db.read((q) => find(q, emailDomainId));
      return claimed.verified_at !== null ? domainMessage(claimed) : settle(needs, claimed, caller().accountId);
    },

    async deleteEmailDomain({ emailDomainId }) {
      await db.write(async (tx) => {
        const { id } = await find(tx, emailDomainId);
        await tx.deleteFrom('sys_accounts_email_domains').where('id', '=', id).execute();
      });
      return create(EmptySchema);
    },
  };
}

/** Makes a domain the org's own; of several orgs that show it at once one gets it. */
async function settle({ db }: Needs, { id, domain }: DomainRow, voucherId: string | null) {
  const set = { verified_at: sql<Date>`now()`, voucher_id: voucherId };
  const row = await orTaken(errors.EMAIL_DOMAIN_TAKEN({ domain }), () => db.write((tx: Tx) => tx.updateTable('sys_accounts_email_domains').set(set).where('id', '=', id).returningAll().executeTakeFirst()));
  if (!row) throw errors.EMAIL_DOMAIN_NOT_FOUND({ emailDomainId: id });
  return domainMessage(row);
}

/** The domains that a call may see: those of its org, or all. */
const ofCaller = (q: Reader) => q.selectFrom('sys_accounts_email_domains').selectAll().$if(!currentCall().acrossOrgs, (all) => all.where('owner_org', '=', caller().orgId));

async function find(q: Reader, emailDomainId: string): Promise<DomainRow> {
  const row = await ofCaller(q).where('id', '=', emailDomainId).executeTakeFirst();
  if (!row) throw errors.EMAIL_DOMAIN_NOT_FOUND({ emailDomainId });
  return row;
}

const domainMessage = (row: DomainRow) => ({
  emailDomainId: row.id,
  domain: row.domain,
  orgId: row.owner_org,
  verified: row.verified_at !== null,
  dnsName: challengeName(row),
  dnsValue: challengeValue(row),
  verifyTime: row.verified_at ? timestampFromDate(row.verified_at) : undefined,
  createTime: timestampFromDate(row.created_at),
});
