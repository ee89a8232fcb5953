import type { Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';

export type ProviderRow = Selectable<Tables['sys_accounts_identity_providers']>;

/** Who somebody is, as an identity provider of an org proved it: where every protocol ends. */
export interface ExternalProof {
  provider: ProviderRow;
  /** What the provider calls the person, for ever. */
  subject: string;
  email?: string;
  /** What the provider says of the address; absent if it says nothing. */
  emailVerified?: boolean;
  displayName?: string;
  language?: string;
  /** The groups that the person is in there; absent if the answer tells of none, and then those of before stay. */
  groups?: readonly string[];
  /** How the person proved who they are there (RFC 8176), as the provider says: `mfa` among them is two factors. */
  amr: readonly string[];
  /** SAML: what a logout names (Core, 2.7.2 and 2.2). */
  sessionIndex?: string;
  nameId?: string;
}
