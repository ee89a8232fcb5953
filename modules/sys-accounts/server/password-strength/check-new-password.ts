import { withViolations } from '@mainstay/kernel';
import type { Config } from '../../config.ts';
import { errors } from '../../errors.ts';
import { passwordEstimates } from './password-estimates.ts';

/** A new password, and whose: nobody may take their own address or name for one. */
export interface NewPassword {
  password: string;
  email: string;
  displayName?: string;
  orgNames?: readonly string[];
  /** Where the request has the password. */
  field: string;
}

/**
 * Refuses a new password that is guessed too easily (NIST SP 800-63B §5.1.1.2: no rules about kinds of characters, but none of
 * those that leaked, and none made of what is known of the person). Looks nothing up outside.
 */
export async function checkNewPassword({ passwordScore }: Pick<Config, 'passwordScore'>, { password, email, displayName = '', orgNames = [], field }: NewPassword): Promise<void> {
  const { score, warning } = await passwordEstimates.of({ password, about: wordsAbout(email, displayName, orgNames) });
  if (score >= passwordScore) return;
  const { reason, description } = (warning !== null && explained[warning]) || easy;
  throw withViolations(errors.PASSWORD_UNFIT(), [{ field, description, reason }]);
}

/** Those of which a password must not consist: whole, and in their parts. */
function wordsAbout(email: string, displayName: string, orgNames: readonly string[]): string[] {
  const whole = [email, displayName, ...orgNames];
  const parts = whole.flatMap((text) => text.split(/[^\p{L}\p{N}]+/u));
  return [...new Set([...whole, ...parts].map((word) => word.toLowerCase()).filter((word) => word.length > 2))];
}

interface Explanation {
  reason: string;
  description: string;
}

const easy = { reason: 'password.easy', description: 'is guessed too easily; take a few words that do not belong together' };
const common = { reason: 'password.common', description: 'is among the passwords that are tried first, or close to one; take a few words that do not belong together' };
const repeated = { reason: 'password.repeated', description: 'repeats itself; take a few words that do not belong together' };
const typed = { reason: 'password.keys', description: 'follows the keys of the keyboard; take a few words that do not belong together' };
const dated = { reason: 'password.date', description: 'is mostly a date, which is guessed easily; take a few words that do not belong together' };

/** By zxcvbn's warnings. */
const explained: Readonly<Record<string, Explanation>> = {
  topTen: common,
  topHundred: common,
  common,
  similarToCommon: common,
  userInputs: { reason: 'password.personal', description: 'must not be made of the e-mail address, or of a name of yours; take a few words that do not belong together' },
  simpleRepeat: repeated,
  extendedRepeat: repeated,
  sequences: { reason: 'password.sequence', description: 'is a sequence such as abcd or 6543; take a few words that do not belong together' },
  straightRow: typed,
  keyPattern: typed,
  recentYears: dated,
  dates: dated,
};
