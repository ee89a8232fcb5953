import type { Database, Logger } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../../database/tables.ts';
import { seal, unseal } from '../../sealing.ts';
import { certificateYears, makeServiceCertificate } from './service-certificate.ts';

interface Means {
  db: Database<Tables>;
  deployment: { name: string; secret: string };
  log: Logger;
}

/** A key of this platform, and the certificate that providers know it by. */
export interface ServiceKey {
  privateKey: string;
  certificate: string;
}

/** The keys of this platform as a service provider. */
export interface ServiceKeys {
  /** Signs what goes to providers. */
  signer: ServiceKey;
  /** All that count, the newest first: the metadata names them, and each opens what is encrypted to it. */
  all: readonly ServiceKey[];
}

/** Providers read the metadata seldom: a new key signs so many days after it stands there, and an old one goes as many after that. */
const settlesDays = 30;

const purpose = 'saml keys';

/** The keys that count now; the first use in a deployment makes one. Safe in several processes at once. */
export async function readServiceKeys(means: Means): Promise<ServiceKeys> {
  const { db, deployment, log } = means;
  const rows = await db.read((q) => q.selectFrom('sys_accounts_saml_keys').select(['sealed_private_key', 'certificate', sql<boolean>`created_at < now() - ${settlesDays} * interval '1 day'`.as('settled')]).orderBy('created_at', 'desc').execute());
  const keys = rows.flatMap(({ sealed_private_key, certificate, settled }) => {
    const privateKey = unseal(deployment.secret, purpose, '', sealed_private_key);
    return privateKey === undefined ? [] : [{ privateKey, certificate, settled }];
  });
  const signer = keys.find(({ settled }) => settled) ?? keys.at(-1);
  if (signer) return { signer, all: keys };
  if (rows.length > 0) log.warn("the key of the SAML service provider can't be opened with the deployment's secret, which must have changed: another replaces it; have the identity providers read the metadata again");
  await addKey(means, rows.length);
  return readServiceKeys(means);
}

/** Adds the next key a year before the newest certificate is over, and removes those that a newer one has long replaced. */
export async function rotateServiceKeys(means: Means): Promise<void> {
  const { db } = means;
  const rows = await db.read((q) => q.selectFrom('sys_accounts_saml_keys').select(['id', sql<boolean>`created_at > now() - ${certificateYears - 1} * interval '1 year'`.as('lasts'), sql<boolean>`created_at < now() - ${2 * settlesDays} * interval '1 day'`.as('known')]).orderBy('created_at', 'desc').execute());
  if (rows.length > 0 && !rows[0]!.lasts) await addKey(means, rows.length);
  const current = rows.findIndex(({ known }) => known);
  const replaced = current === -1 ? [] : rows.slice(current + 1).map(({ id }) => id);
  if (replaced.length > 0) await db.write((tx) => tx.deleteFrom('sys_accounts_saml_keys').where('id', 'in', replaced).execute());
}

/** Adds a key unless another process was first. Apart, since the process goes on to use it whatever becomes of the command that needed it. */
async function addKey({ db, deployment }: Means, known: number): Promise<void> {
  const { privateKey, certificate } = await makeServiceCertificate(deployment.name);
  const sealed_private_key = seal(deployment.secret, purpose, '', privateKey);
  await db.writeApart(async (tx) => {
    await sql`lock table sys_accounts_saml_keys in share row exclusive mode`.execute(tx);
    const { count } = await tx.selectFrom('sys_accounts_saml_keys').select((q) => q.fn.countAll<string>().as('count')).executeTakeFirstOrThrow();
    if (Number(count) === known) await tx.insertInto('sys_accounts_saml_keys').values({ sealed_private_key, certificate }).execute();
  });
}
