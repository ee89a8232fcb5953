import type { SamlSettings } from '../../../contract/index.ts';
import type { ExternalProof } from '../external-proof.ts';
import { SamlRefused } from './saml-refused.ts';
import type { Verified } from './verify-answer.ts';

/** Names under which providers release attributes, where the settings name none. */
const usual = {
  email: ['email', 'mail', 'emailaddress', 'urn:oid:0.9.2342.19200300.100.1.3', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress'],
  name: ['displayName', 'urn:oid:2.16.840.1.113730.3.1.241', 'http://schemas.microsoft.com/identity/claims/displayname', 'name', 'cn', 'urn:oid:2.5.4.3', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name'],
  language: ['preferredLanguage', 'urn:oid:2.16.840.1.113730.3.1.39'],
  groups: ['groups', 'memberOf', 'isMemberOf', 'urn:oid:1.3.6.1.4.1.5923.1.5.1.1', 'urn:oid:1.2.840.113556.1.2.102', 'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups', 'http://schemas.xmlsoap.org/claims/Group'],
};

const nameIdFormats = { transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient', email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' };

/** Ways to prove who somebody is that providers name (SAML Authentication Context; REFEDS), as `amr` has them (RFC 8176). */
const classes = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';
const methods: Readonly<Record<string, readonly string[]>> = {
  [`${classes}Password`]: ['pwd'],
  [`${classes}PasswordProtectedTransport`]: ['pwd'],
  [`${classes}Kerberos`]: ['wia'],
  [`${classes}X509`]: ['swk'],
  [`${classes}TLSClient`]: ['swk'],
  [`${classes}SmartcardPKI`]: ['sc', 'mfa'],
  [`${classes}TimeSyncToken`]: ['otp'],
  [`${classes}MobileTwoFactorContract`]: ['mfa'],
  'https://refeds.org/profile/mfa': ['mfa'],
  'https://refeds.org/profile/sfa': ['pwd'],
  'http://schemas.microsoft.com/claims/multipleauthn': ['mfa'],
};
const methodsAttribute = 'http://schemas.microsoft.com/claims/authnmethodsreferences';

/** Most groups of a person that are looked at. */
const mostGroups = 1000;
const mostCharacters = 1000;

type Said = Omit<ExternalProof, 'provider'>;

/** Who somebody is, as a verified answer says. Throws `SamlRefused` if it names nobody for ever. */
export function readPerson(settings: SamlSettings, { profile, context }: Verified): Said {
  const attributes = (profile.attributes ?? {}) as Record<string, unknown>;
  const valuesOf = (chosen: string, names: readonly string[]) => namedValues(attributes, chosen === '' ? names : [chosen]);
  const nameId = profile.nameID?.trim() ?? '';
  const subject = settings.subjectAttribute === '' ? lastingNameId(profile, nameId) : (valuesOf(settings.subjectAttribute, [])?.[0] ?? '');
  if (subject === '') throw new SamlRefused('NO_SUBJECT');
  const isAddress = profile.nameIDFormat === nameIdFormats.email || /^[^\s@]+@[^\s@]+$/.test(nameId);
  const email = valuesOf(settings.emailAttribute, usual.email)?.[0] ?? (settings.emailAttribute === '' && isAddress ? nameId : undefined);
  const displayName = valuesOf(settings.nameAttribute, usual.name)?.[0];
  const [language] = valuesOf('', usual.language) ?? [];
  const groups = valuesOf(settings.groupsAttribute, usual.groups);
  return {
    subject,
    ...(email && { email }),
    ...(displayName && { displayName }),
    ...(language && { language: language.split(/[-_,;]/)[0]!.toLowerCase() }),
    ...(groups && { groups: groups.slice(0, mostGroups) }),
    amr: methodsOf(settings, context, namedValues(attributes, [methodsAttribute]) ?? []),
    ...(nameId !== '' && { nameId: JSON.stringify({ nameID: nameId, nameIDFormat: profile.nameIDFormat, nameQualifier: profile.nameQualifier, spNameQualifier: profile.spNameQualifier }), sessionIndex: profile.sessionIndex ?? '' }),
  };
}

/** A transient name id is another at every login (Core, 8.3.8); an address is the same in capital letters. */
function lastingNameId({ nameIDFormat }: Verified['profile'], nameId: string): string {
  if (nameIDFormat === nameIdFormats.transient || nameId.length > mostCharacters) return '';
  return nameIDFormat === nameIdFormats.email ? nameId.toLowerCase() : nameId;
}

function methodsOf({ twoFactorsContexts }: SamlSettings, context: string, more: readonly string[]): string[] {
  const said = [context, ...more];
  return [...new Set([...said.flatMap((one) => (Object.hasOwn(methods, one) ? methods[one]! : [])), ...(said.some((one) => twoFactorsContexts.includes(one)) ? ['mfa'] : [])])];
}

/** The texts of the first of these attributes that is there, without regard to case; nothing if none is. */
function namedValues(attributes: Readonly<Record<string, unknown>>, names: readonly string[]): string[] | undefined {
  for (const wanted of names) {
    const name = Object.keys(attributes).find((one) => one.toLowerCase() === wanted.toLowerCase());
    if (name !== undefined) return [attributes[name]].flat().filter((value): value is string => typeof value === 'string' && value.trim() !== '' && value.length <= mostCharacters).map((value) => value.trim());
  }
  return undefined;
}
