import type { Database, Logger } from '@mainstay/kernel';
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import { sql } from 'kysely';
import type { Tables } from '../database/tables.ts';
import { seal, unseal } from './sealing.ts';

/** The algorithm of access tokens: ECDSA on P-256 (RFC 7518). */
export const algorithm = 'ES256';

/** A key that signs. */
export interface SigningKey {
  keyId: string;
  privateKey: CryptoKey;
}

interface Needs {
  db: Database<Tables>;
  deployment: { secret: string };
  log: Logger;
}

/** The key that signs now; the first use in a deployment makes it. Safe in several processes at once. */
export async function currentSigningKey({ db, deployment, log }: Needs): Promise<SigningKey> {
  const stored = await db.read((q) => q.selectFrom('sys_accounts_signing_keys').select(['id', 'sealed_private_jwk']).where('retired_at', 'is', null).executeTakeFirst());
  if (!stored) return makeSigningKey({ db, deployment, log });
  const jwk = opened(deployment.secret, stored.sealed_private_jwk);
  if (jwk) return { keyId: stored.id, privateKey: await privateKeyOf(jwk) };
  log.warn({ keyId: stored.id }, "the signing key can't be opened with the deployment's secret, which must have changed: another replaces it");
  await retire(db, stored.id);
  return makeSigningKey({ db, deployment, log });
}

/** The key that signs now, and those that did within so many days, as private JWKs (RFC 7517), the newest first, and whether each is older than so many seconds. */
export async function readSigningJwks(needs: Needs, days: number, seconds: number): Promise<{ jwk: JWK; settled: boolean }[]> {
  await currentSigningKey(needs);
  const rows = await needs.db.read((q) =>
    q
      .selectFrom('sys_accounts_signing_keys')
      .select(['id', 'sealed_private_jwk', sql<boolean>`created_at < now() - ${seconds} * interval '1 second'`.as('settled')])
      .where((where) => where.or([where('retired_at', 'is', null), where('retired_at', '>', sql<Date>`now() - ${days} * interval '1 day'`)]))
      .orderBy(sql`retired_at desc nulls first`)
      .execute(),
  );
  return rows.flatMap(({ id, sealed_private_jwk, settled }) => {
    const jwk = opened(needs.deployment.secret, sealed_private_jwk);
    return jwk ? [{ jwk: { ...jwk, kid: id, alg: algorithm, use: 'sig' }, settled }] : [];
  });
}

/** Retires the key that signs now; the next use makes another. What it signed stays good until it expires. */
export async function rotateSigningKey({ db }: { db: Database<Tables> }): Promise<void> {
  await db.write((tx) => tx.updateTable('sys_accounts_signing_keys').set({ retired_at: sql<Date>`now()` }).where('retired_at', 'is', null).execute());
}

async function makeSigningKey(needs: Needs): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const sealedJwk = sealed(needs.deployment.secret, await exportJWK(privateKey));
  const publicJwk = JSON.stringify(await exportJWK(publicKey));
  // Apart, since the process goes on to sign with it whatever becomes of the command that needed it first.
  await needs.db.writeApart((tx) =>
    tx.insertInto('sys_accounts_signing_keys').values({ public_jwk: publicJwk, sealed_private_jwk: sealedJwk, retired_at: null }).onConflict((conflict) => conflict.doNothing()).execute(),
  );
  // Another process may have been first: the stored key counts.
  return currentSigningKey(needs);
}

async function retire(db: Database<Tables>, keyId: string) {
  await db.writeApart((tx) => tx.updateTable('sys_accounts_signing_keys').set({ retired_at: sql<Date>`now()` }).where('id', '=', keyId).where('retired_at', 'is', null).execute());
}

const privateKeyOf = async (jwk: JWK) => (await importJWK(jwk, algorithm)) as CryptoKey;

const sealed = (secret: string, jwk: JWK) => seal(secret, 'signing keys', '', JSON.stringify(jwk));

/** The sealed key, or nothing if it was sealed under another secret. */
function opened(secret: string, stored: Uint8Array): JWK | undefined {
  const jwk = unseal(secret, 'signing keys', '', stored);
  return jwk === undefined ? undefined : (JSON.parse(jwk) as JWK);
}
