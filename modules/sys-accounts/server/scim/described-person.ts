import { z } from 'zod';
import { checkProfile } from '../check-profile.ts';
import type { Json } from './attribute.ts';
import { scimErrors } from './scim-errors.ts';

/** What a directory says of somebody: what is kept of it, and whether they may log in, if it says that. */
export interface DescribedPerson {
  resource: Json;
  active: boolean | undefined;
  /** What an account takes over of it. */
  account: { email: string; displayName: string; language?: string; timeZone?: string };
}

/** As registration has it. */
const email = z.email({ pattern: z.regexes.html5Email }).max(254);
const longestName = 100;

/** Reads what a directory says of a person. Throws `invalidValue` for an address, language or time zone that is none. */
export function describedPerson({ active, ...given }: Json): DescribedPerson {
  const userName = String(given.userName).trim();
  if (!email.safeParse(userName).success) throw scimErrors.invalidValue('userName is the e-mail address that the person logs in with');
  // Whoever logs in has an address.
  const resource = { ...given, userName, emails: given.emails ?? [{ value: userName, type: 'work', primary: true }] };
  const [language, timeZone] = [languageOf(resource), given.timezone as string | undefined];
  return { resource, active: active as boolean | undefined, account: { email: userName, displayName: displayNameOf(resource, userName), ...(language && { language }), ...(timeZone && { timeZone: timeZoneOf(timeZone) }) } };
}

function displayNameOf({ displayName, name }: Json, userName: string): string {
  const { formatted, givenName, familyName } = (name ?? {}) as Record<string, string | undefined>;
  const names = [displayName as string | undefined, formatted, [givenName, familyName].filter(Boolean).join(' '), userName.split('@')[0]];
  return names.map((each) => each?.trim()).find(Boolean)!.slice(0, longestName).toWellFormed();
}

/** The first of the languages (RFC 9110 §12.5.4). */
function languageOf({ preferredLanguage, locale }: Json): string | undefined {
  const said = (preferredLanguage ?? locale) as string | undefined;
  const language = said?.split(/[,;]/, 1)[0]!.trim().replaceAll('_', '-');
  if (language === undefined) return undefined;
  return checked({ language }, 35) ? language : fail(preferredLanguage === undefined ? 'locale is a language tag such as de-CH' : 'preferredLanguage is a language tag such as de-CH');
}

const timeZoneOf = (time_zone: string): string => (checked({ time_zone }, 64) ? time_zone : fail('timezone is an IANA name such as Europe/Zurich'));

function checked(profile: { language: string } | { time_zone: string }, longest: number): boolean {
  try {
    checkProfile(profile);
    return Object.values(profile)[0]!.length <= longest;
  } catch {
    return false;
  }
}

function fail(problem: string): never {
  throw scimErrors.invalidValue(problem);
}
