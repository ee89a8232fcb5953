import { z } from 'zod';
import type { ManagedPerson } from '../directory/managed-accounts.ts';
import type { ExternalProof } from './external-proof.ts';

const address = z.email({ pattern: z.regexes.html5Email }).max(254);
const mostCharacters = 100;

/** Whether what a provider calls an e-mail address is one. */
export const isAddress = (email: string): boolean => address.safeParse(email).success;

/** Who comes for the first time, as an account has it: providers write names and languages as they like. */
export function newcomerOf({ email, displayName = '', language = '' }: Pick<ExternalProof, 'email' | 'displayName' | 'language'>): ManagedPerson {
  const name = [...displayName.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim()].slice(0, mostCharacters).join('');
  const [tag] = /^[a-z]{2,3}(?=$|[-_])/i.exec(language) ?? [];
  return { email: email!, displayName: name || email!.slice(0, email!.lastIndexOf('@')), ...(tag && { language: tag.toLowerCase() }) };
}
