import { redactText } from '@mainstay/kernel';

/** What a try that failed means. */
export interface Failure {
  /** RETRY: try again later. BOUNCED: there is no such address. FAILED: this will never be taken. */
  outcome: 'RETRY' | 'BOUNCED' | 'FAILED';
  /** What the server said, without addresses. */
  problem: string;
}

interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  command?: string;
}

const MOST = 300;
/** No such mailbox, domain or syntax, or it has moved (RFC 3463). */
const noSuchAddress = /\b5\.1\.(?:1|2|3|6|10)\b/;
const enhanced = /\b[245]\.\d{1,3}\.\d{1,3}\b/;

/** Tells what to do about a try that failed. Only what a server says for good about this address or message is for good: a wrong password is the operator's to mend. */
export function failureOf(error: unknown): Failure {
  const { responseCode = 0, response = '', command = '', message } = error as SmtpError;
  const said = response && command ? `${response} (answer to ${command})` : response || message;
  const problem = redactText(said.replaceAll(/\p{Cc}+/gu, ' ')).slice(0, MOST);
  if (responseCode < 500 || responseCode > 599) return { outcome: 'RETRY', problem };
  if (command === 'RCPT TO') return { outcome: noSuchAddress.test(response) || (responseCode === 550 && !enhanced.test(response)) ? 'BOUNCED' : 'FAILED', problem };
  return { outcome: command === 'DATA' || command === 'MAIL FROM' ? 'FAILED' : 'RETRY', problem };
}
