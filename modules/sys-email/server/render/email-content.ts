import type { EmailLanguage, EmailText } from '@mainstay/kernel';
import type { Values } from './fill.ts';

/** What an e-mail is made of. */
export interface EmailContent {
  text: EmailText;
  language: EmailLanguage;
  values: Values;
  /** What the platform is called. */
  platform: string;
  /** Where its reader ends the subscription, if it belongs to one. */
  unsubscribeLink?: string | undefined;
}

/** An e-mail as it is read. */
export interface RenderedEmail {
  subject: string;
  text: string;
  html: string;
}

/** What it is made of, with what follows from its language. */
export interface Rendering extends EmailContent {
  isRightToLeft: boolean;
}
