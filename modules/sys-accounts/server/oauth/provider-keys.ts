import type { Database, Logger } from '@mainstay/kernel';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { seal, unseal } from '../sealing.ts';
import { readSigningJwks } from '../signing-keys.ts';

interface Needs {
  db: Database<Tables>;
  deployment: { secret: string };
  log: Logger;
}

/** What was signed with a key is looked at for so long after it: ID tokens come back as hints when a person logs out. */
export const verifiesDays = 31;

/** Every process has read a new key, and tells of it, before any signs with it: within so many seconds. */
const SETTLES_SECONDS = 10;

/** A key as it is stored, and whether all processes know it. */
export interface StoredKey {
  jwk: JWK;
  settled: boolean;
}

/** All keys of the provider: ECDSA for access tokens and RSA for ID tokens, of each kind the one that signs first. */
export async function readProviderKeys(needs: Needs): Promise<JWK[]> {
  return [...signerFirst(await readSigningJwks(needs, verifiesDays, SETTLES_SECONDS)), ...signerFirst(await readRsaKeys(needs))];
}

/** Given the newest first. */
function signerFirst(keys: readonly StoredKey[]): JWK[] {
  const signer = keys.find(({ settled }) => settled) ?? keys[0];
  return [...(signer ? [signer] : []), ...keys.filter((key) => key !== signer)].map(({ jwk }) => jwk);
}

/** Retires the RSA key that signs now; the next use makes another. */
export async function rotateIdTokenKey({ db }: Pick<Needs, 'db'>): Promise<void> {
  await db.write((tx) => retire(tx));
}

async function readRsaKeys(needs: Needs): Promise<StoredKey[]> {
  const { db, deployment, log } = needs;
  const rows = await db.read((q) =>
    q
      .selectFrom('sys_accounts_id_token_keys')
      .select(['id', 'sealed_private_jwk', 'retired_at', sql<boolean>`created_at < now() - ${SETTLES_SECONDS} * interval '1 second'`.as('settled')])
      .where((where) => where.or([where('retired_at', 'is', null), where('retired_at', '>', sql<Date>`now() - ${verifiesDays} * interval '1 day'`)]))
      .orderBy(sql`retired_at desc nulls first`)
      .execute(),
  );
  const current = rows[0]?.retired_at === null ? rows[0] : undefined;
  const keys = rows.flatMap(({ id, sealed_private_jwk, settled }) => keyOf(deployment.secret, id, sealed_private_jwk).map((jwk) => ({ jwk, settled })));
  if (current && keys[0]?.jwk.kid === current.id) return keys;
  if (current) {
    log.warn({ keyId: current.id }, "the key of ID tokens can't be opened with the deployment's secret, which must have changed: another replaces it");
    await db.writeApart((tx) => retire(tx));
  }
  await makeRsaKey(needs);
  return readRsaKeys(needs);
}

function keyOf(secret: string, id: string, sealed: Uint8Array): JWK[] {
  const jwk = unseal(secret, 'id token keys', '', sealed);
  return jwk === undefined ? [] : [{ ...(JSON.parse(jwk) as JWK), kid: id, alg: 'RS256', use: 'sig' }];
}

async function makeRsaKey({ db, deployment }: Needs): Promise<void> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true, modulusLength: 2048 });
  const sealed_private_jwk = seal(deployment.secret, 'id token keys', '', JSON.stringify(await exportJWK(privateKey)));
  // Apart, since the process goes on to sign with it whatever becomes of the command that needed it first; the first of several counts.
  await db.writeApart((tx) => tx.insertInto('sys_accounts_id_token_keys').values({ sealed_private_jwk, retired_at: null }).onConflict((conflict) => conflict.doNothing()).execute());
}

const retire = (tx: Parameters<Parameters<Database<Tables>['write']>[0]>[0]) => tx.updateTable('sys_accounts_id_token_keys').set({ retired_at: sql<Date>`now()` }).where('retired_at', 'is', null).execute();
