/** A password to look at, and what is known of the person: a password made of that is guessed first. */
export interface Question {
  password: string;
  about: readonly string[];
}

/** How hard a password is to guess. */
export interface Estimate {
  /** From 0, among the first thousand guesses, to 4, beyond 10^10; 3 is beyond 10^8. */
  score: number;
  /** What makes it easy, in zxcvbn's words, if anything stands out. */
  warning: string | null;
}
