import { emailLanguages, type EmailLanguage } from '@mainstay/kernel';
import { errors } from '../errors.ts';

const known = (language: string): language is EmailLanguage => (emailLanguages as readonly string[]).includes(language);

/** The language of the texts for somebody who reads `wanted` (BCP 47): that without its region, or English. */
export function nearestLanguage(wanted: string): EmailLanguage {
  const base = wanted.toLowerCase().split('-')[0]!;
  return known(base) ? base : 'en';
}

/** One of the languages of texts. Throws `LANGUAGE_UNKNOWN`. */
export function requireLanguage(language: string): EmailLanguage {
  if (known(language)) return language;
  throw errors.LANGUAGE_UNKNOWN({ language, languages: emailLanguages.join(', ') });
}
