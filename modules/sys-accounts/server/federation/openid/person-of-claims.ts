import type { ExternalProof } from '../external-proof.ts';

/** The names of the claims that tell who somebody is. */
export interface ClaimNames {
  subject: string;
  email: string;
  emailVerified: string;
  name: string;
  groups: string;
}

type Claims = Readonly<Record<string, unknown>>;

const MOST_GROUPS = 1000;

/** Who somebody is, by claims; of `claims` the first that tell of something count. The address and whether it was verified are told together. */
export function personOfClaims(claims: readonly Claims[], names: ClaimNames): Omit<ExternalProof, 'provider' | 'amr'> | undefined {
  const first = (name: string): unknown => claims.find((some) => some[name] != null)?.[name];
  const subject = textOf(first(names.subject));
  if (subject === undefined) return undefined;
  const withEmail = claims.find((some) => textOf(some[names.email]) !== undefined);
  const [email, displayName, language, groups] = [textOf(withEmail?.[names.email]), textOf(first(names.name)), textOf(first('locale')), groupsOf(first(names.groups))];
  const emailVerified = truthOf(withEmail?.[names.emailVerified]);
  return { subject, ...(email && { email }), ...(emailVerified !== undefined && { emailVerified }), ...(displayName && { displayName }), ...(language && { language }), ...(groups && { groups }) };
}

/** A text that can be kept; some providers name people by a number. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && text.trim() !== '' && text.length <= 500 && !text.includes('\0') ? text : undefined;
}

/** Some say it in words. */
function truthOf(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

function groupsOf(value: unknown): string[] | undefined {
  if (value == null) return undefined;
  const groups = [value].flat().map(textOf);
  return groups.filter((group) => group !== undefined).slice(0, MOST_GROUPS);
}
