import type { Transaction } from '@mainstay/kernel';
import type { LoginChallenge } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { makeManaged } from '../directory/managed-accounts.ts';
import { challenge } from '../login/challenge.ts';
import { finishLogin } from '../login/finish-login.ts';
import type { Needs } from '../needs.ts';
import { isRemembered } from '../second-factors/remembered-devices.ts';
import { amrOfProof } from './amr-of-proof.ts';
import { finishExternalLogin, type Arrival, type Outcome, type Refusal } from './finish-external-login.ts';
import { newcomerOf } from './newcomer.ts';
import { whoItIs, type PersonRow } from './who-it-is.ts';

type Tx = Transaction<Tables>;

/** From where, and from what device. */
interface Place {
  deviceToken: string;
  clientAddress: string | undefined;
}

/** What becomes of somebody who came from a provider: they are logged in, asked for more, or refused. */
export type Step = (Outcome | { who?: undefined; refused?: undefined }) & { challenge?: LoginChallenge; link?: true };

const refuse = (refused: Refusal): Step => ({ refused });

/** Logs somebody in whom a provider proved, if the provider's word is enough: as drawn in `who-it-is.ts`. */
export async function logInExternally(needs: Needs, arrival: Arrival, place: Place): Promise<Step> {
  const { proof } = arrival;
  const standing = await needs.db.read((q) => whoItIs(q, proof));
  if (standing.is === 'LINK') return { link: true };
  if (standing.is === 'NO_ADDRESS') return refuse((words) => words.noAddress(proof.provider.name));
  if (standing.is === 'STRANGER') return refuse((words) => words.notAMember(proof.provider.name));
  return needs.db.write(async (tx) => {
    if (standing.is === 'NEW') await makeManaged(tx, proof.provider.owner_org, newcomerOf(proof));
    // Nothing is made of an address that somebody else got meanwhile, or that of an account that was closed.
    const now = await whoItIs(tx, proof);
    if (now.is === 'LINK') return { link: true };
    if (now.is !== 'KNOWN') return refuse((words) => words.notAMember(proof.provider.name));
    if (now.isManaged) await wake(tx, now.account);
    return logInAs(tx, needs, arrival, now.isManaged && now.account.state === 'DORMANT' ? { ...now.account, state: 'ACTIVE' } : now.account, place);
  });
}

async function logInAs(tx: Tx, needs: Needs, arrival: Arrival, account: PersonRow, { deviceToken, clientAddress }: Place): Promise<Step> {
  const { state, lock_reason } = account;
  if (state === 'LOCKED') return refuse(() => errors.ACCOUNT_LOCKED({ reason: lock_reason }).rawMessage);
  if (state === 'DORMANT') return refuse(() => errors.ACCOUNT_DORMANT().rawMessage);
  const amr = amrOfProof(arrival.proof);
  const isAsked = account.has_second_factor && !amr.includes('mfa') && !(await isRemembered(tx, needs.config, account, deviceToken, clientAddress));
  if (isAsked) return { challenge: await challenge(tx, needs, { account_id: account.id, session_id: null, amr, wanted_org: null }) };
  const who = await finishLogin(tx, { account, amr, wantedOrg: '', mark: null, next: { hash: null, isNew: false } });
  return who ? finishExternalLogin(tx, needs, arrival, who) : refuse((words) => words.externalOver);
}

/** An account that rests is woken by a proof that its person is still there: for one that the org looks after that is the org's word. */
async function wake(tx: Tx, { id, state }: PersonRow): Promise<void> {
  if (state !== 'DORMANT') return;
  await tx.updateTable('sys_accounts_accounts').set({ state: 'ACTIVE' }).where('id', '=', id).where('state', '=', 'DORMANT').execute();
  tx.changed(id);
}
