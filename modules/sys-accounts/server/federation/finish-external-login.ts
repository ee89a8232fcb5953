import { tellAudit, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { verifiedOrgOf } from '../directory/domains.ts';
import { applyGroups } from '../directory/groups.ts';
import type { Authentication } from '../login/finish-login.ts';
import { announced } from '../member-methods.ts';
import { addMember } from '../members.ts';
import type { Needs } from '../needs.ts';
import type { Words } from '../oauth/pages/words.ts';
import { useUpProof } from './external-logins.ts';
import type { ExternalProof } from './external-proof.ts';
import { mailIdentityLinked } from './mail-identity-linked.ts';
import { noteSamlLogin } from './saml/saml-sessions.ts';
import { isMemberOf } from './who-it-is.ts';

type Tx = Transaction<Tables>;

/** Why somebody who came from a provider is not logged in, in the words of their page. */
export type Refusal = (words: Words) => string;

/** Somebody is logged in, or not. */
export type Outcome = { who: Authentication; refused?: undefined } | { who?: undefined; refused: Refusal };

/** Who came back from a provider, for a page of a browser. */
export interface Arrival {
  loginId: string;
  proof: ExternalProof;
  interactionUid: string;
}

/**
 * Ends a login of who came from a provider and has proved who they are here, too: they are known from now on, and have the roles that
 * their groups give. Of several that end the same login one succeeds, and one person has one account at a provider.
 */
export async function finishExternalLogin(tx: Tx, needs: Needs, arrival: Arrival, who: Authentication): Promise<Outcome> {
  const { proof } = arrival;
  const known = await identityOf(tx, proof);
  if (known ? known.account_id !== who.accountId : !(await isAddressOf(tx, who.accountId, proof.email))) return { refused: (words) => words.linkOther(proof.email ?? '') };
  if (!(await isMemberOf(tx, proof, who.accountId)) && !(await becomesMember(tx, proof, who.accountId, known !== undefined))) return { refused: (words) => words.notAMember(proof.provider.name) };
  if (!(await useUpProof(tx, arrival.loginId))) return { refused: (words) => words.externalOver };
  if (!(await know(tx, proof, who.accountId, known === undefined))) return { refused: (words) => words.externalOver };
  await noteSamlLogin(tx, needs, proof, { accountId: who.accountId, interactionUid: arrival.interactionUid });
  if (proof.groups) await applyGroups(tx, proof.provider.owner_org, who.accountId, proof.groups);
  return { who };
}

/** Who is known as this at a provider. */
export const identityOf = (tx: Tx, { provider, subject }: ExternalProof) => tx.selectFrom('sys_accounts_external_identities').selectAll().where('provider_id', '=', provider.id).where('subject', '=', subject).executeTakeFirst();

async function isAddressOf(tx: Tx, accountId: string, email: string | undefined): Promise<boolean> {
  if (email === undefined) return false;
  return (await tx.selectFrom('sys_accounts_accounts').select('id').where('id', '=', accountId).where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst()) !== undefined;
}

/** Makes a newcomer of a domain of the org a member, where the org lets newcomers in. Who was a member and is none any more stays out. */
async function becomesMember(tx: Tx, { provider, email }: ExternalProof, accountId: string, isKnown: boolean): Promise<boolean> {
  if (isKnown || !provider.just_in_time || (await verifiedOrgOf(tx, email ?? '')) !== provider.owner_org) return false;
  await addMember(tx, provider.owner_org, accountId, 'USER');
  await announced(tx, provider.owner_org, accountId);
  return true;
}

async function know(tx: Tx, { provider, subject, email = '' }: ExternalProof, accountId: string, isNew: boolean): Promise<boolean> {
  const now = sql<Date>`now()`;
  const { id } = await tx
    .insertInto('sys_accounts_external_identities')
    .values({ provider_id: provider.id, subject, account_id: accountId, email })
    .onConflict((conflict) => conflict.columns(['provider_id', 'subject']).doUpdateSet({ email, last_login_at: now }).where('sys_accounts_external_identities.account_id', '=', accountId))
    .returning('id')
    .executeTakeFirst() ?? { id: undefined };
  if (id === undefined) return false;
  tx.changed(accountId);
  tellAudit({ account_id: accountId, external_identity_id: id, identity_provider_id: provider.id });
  if (isNew) await tx.enqueue(mailIdentityLinked, { accountId, externalIdentityId: id });
  return true;
}
