import { withViolations, type FieldViolation } from '@mainstay/kernel';
import { errors } from '../errors.ts';

interface Profile {
  display_name?: string;
  language?: string;
  time_zone?: string;
}

/** Refuses a profile that the contract's rules don't catch: a blank name, an unknown language tag or time zone. */
export function checkProfile({ display_name, language, time_zone }: Profile, prefix = ''): void {
  const violations: FieldViolation[] = [];
  if (display_name !== undefined && display_name.trim() === '') violations.push({ field: `${prefix}display_name`, description: 'must not be blank', reason: 'display_name.blank' });
  if (language !== undefined && !isLanguage(language)) violations.push({ field: `${prefix}language`, description: 'must be a BCP 47 tag such as en or ur-PK', reason: 'language.tag' });
  if (time_zone !== undefined && !isTimeZone(time_zone)) violations.push({ field: `${prefix}time_zone`, description: 'must be an IANA name such as Europe/Berlin', reason: 'time_zone.iana' });
  if (violations.length > 0) throw withViolations(errors.PROFILE_UNFIT(), violations);
}

const isLanguage = (tag: string) => holds(() => Intl.getCanonicalLocales(tag).length === 1);

// Intl takes offsets such as +01:00 too, which know no summer time.
const isTimeZone = (name: string) => /^[A-Za-z]/.test(name) && holds(() => new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined);

function holds(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return false;
  }
}
