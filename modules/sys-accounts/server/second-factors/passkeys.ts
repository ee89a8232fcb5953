import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { Needs } from '../needs.ts';
import type { FactorRow } from './factor-rows.ts';

type Means = Pick<Needs, 'config' | 'deployment'>;
type Passkey = Pick<FactorRow, 'credential_id' | 'transports'>;

interface Owner {
  id: string;
  email: string;
  display_name: string;
}

/** EdDSA, ES256 and RS256 (RFC 9053, RFC 8812): every authenticator has one of them. */
const algorithms = [-8, -7, -257];

/** It brings three hundred files, a seventh of all that a process loads, and many processes never see a passkey. */
const library = () => import('@simplewebauthn/server');

/** What is kept of a new passkey. */
export interface NewPasskey {
  credential_id: Buffer;
  public_key: Uint8Array;
  counter: number;
  transports: string[];
  device_bound: boolean;
  backed_up: boolean;
}

/** Passkeys belong to the host of the deployment's address (the relying party of WebAuthn), and pages of its origins alone ask for them. */
function relyingParty({ config, deployment }: Means): { id: string; origins: string[] } {
  const pages = (config.passkeyOrigins.length > 0 ? config.passkeyOrigins : [deployment.address]).map((page) => new URL(page));
  return { id: pages[0]!.hostname, origins: pages.map(({ origin }) => origin) };
}

/** What an authenticator needs to make a passkey, and the challenge in it. */
export async function creationOptions(means: Means, owner: Owner, existing: readonly Passkey[]): Promise<{ options: string; challenge: Buffer }> {
  const { generateRegistrationOptions } = await library();
  const options = await generateRegistrationOptions({
    rpName: means.deployment.name,
    rpID: relyingParty(means).id,
    userName: owner.email,
    userDisplayName: owner.display_name,
    // It comes back from the authenticator where the passkey finds the account by itself; says nothing about the person.
    userID: Uint8Array.from(Buffer.from(owner.id.replaceAll('-', ''), 'hex')),
    attestationType: 'none',
    supportedAlgorithmIDs: algorithms,
    excludeCredentials: existing.map(descriptor),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  });
  return { options: JSON.stringify(options), challenge: Buffer.from(options.challenge, 'base64url') };
}

/** What an authenticator needs to prove a passkey: one of those that are named, or, if none is, any that verifies its user. */
export async function requestOptions(means: Means, allowed: readonly Passkey[]): Promise<{ options: string; challenge: Buffer }> {
  const { generateAuthenticationOptions } = await library();
  const options = await generateAuthenticationOptions({ rpID: relyingParty(means).id, allowCredentials: allowed.map(descriptor), userVerification: allowed.length > 0 ? 'preferred' : 'required' });
  return { options: JSON.stringify(options), challenge: Buffer.from(options.challenge, 'base64url') };
}

/** The new passkey that an authenticator made for a challenge; nothing if what it says does not hold. */
export async function madePasskey(means: Means, json: string, challenge: Uint8Array): Promise<NewPasskey | undefined> {
  const { id, origins } = relyingParty(means);
  const response = parse<RegistrationResponseJSON>(json);
  const verified = response && (await orNothing(async () => (await library()).verifyRegistrationResponse({ response, expectedChallenge: base64url(challenge), expectedOrigin: origins, expectedRPID: id, requireUserVerification: false, supportedAlgorithmIDs: algorithms })));
  if (!verified?.verified) return undefined;
  const { credential, credentialDeviceType, credentialBackedUp } = verified.registrationInfo;
  const transports = (credential.transports ?? []).filter((transport) => typeof transport === 'string').slice(0, 10);
  return { credential_id: Buffer.from(credential.id, 'base64url'), public_key: credential.publicKey, counter: credential.counter, transports, device_bound: credentialDeviceType === 'singleDevice', backed_up: credentialBackedUp };
}

/** The id of the passkey that an authenticator used; nothing if it can not be read. */
export function usedCredential(json: string): Buffer | undefined {
  const id = parse<AuthenticationResponseJSON>(json)?.id;
  return typeof id === 'string' && /^[\w-]{1,1400}$/.test(id) ? Buffer.from(id, 'base64url') : undefined;
}

/**
 * Uses a passkey for a challenge: gives what that proves, as `amr`, or nothing. A counter that does not grow is
 * that of a copy, so it is refused (WebAuthn §6.1.1); those that are backed up have none.
 */
export async function usePasskey(tx: Transaction<Tables>, means: Means, row: FactorRow, json: string, challenge: Uint8Array, alone: boolean): Promise<string[] | undefined> {
  const { id, origins } = relyingParty(means);
  const response = parse<AuthenticationResponseJSON>(json);
  if (!response || !row.credential_id || !row.public_key) return undefined;
  const credential = { id: base64url(row.credential_id), publicKey: Uint8Array.from(row.public_key), counter: Number(row.counter) };
  const verified = await orNothing(async () => (await library()).verifyAuthenticationResponse({ response, credential, expectedChallenge: base64url(challenge), expectedOrigin: origins, expectedRPID: id, requireUserVerification: alone }));
  if (!verified?.verified) return undefined;
  const { newCounter, userVerified, credentialBackedUp } = verified.authenticationInfo;
  const { numUpdatedRows } = await tx
    .updateTable('sys_accounts_second_factors')
    .set({ counter: newCounter, backed_up: credentialBackedUp, last_used_at: sql<Date>`now()` })
    .where('id', '=', row.id)
    .where((where) => where.or([where('counter', '<', newCounter), where.and([where('counter', '=', 0), where.val(newCounter === 0)])]))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return undefined;
  return [row.device_bound ? 'hwk' : 'swk', 'user', ...(userVerified ? ['mfa'] : [])];
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

const descriptor = ({ credential_id, transports }: Passkey) => ({ id: base64url(credential_id!), transports });

function parse<T>(json: string): T | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** The library throws at what strangers send; what was wrong with it is not theirs to know. */
async function orNothing<T>(verify: () => Promise<T>): Promise<T | undefined> {
  try {
    return await verify();
  } catch {
    return undefined;
  }
}
