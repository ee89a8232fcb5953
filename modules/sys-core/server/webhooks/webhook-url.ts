import { isPublicAddress, literalAddress, type Phase } from '@mainstay/kernel';
import { errors } from '../../errors.ts';

/** Whether a deployment sends to addresses of the public internet over https alone: those that others rely on. */
export const isStrict = (phase: Phase): boolean => phase === 'A' || phase === 'P';

/** An address to which events may be sent, as it is kept. Throws `WEBHOOK_URL_INVALID`. */
export function requireUrl(text: string, strict: boolean): string {
  const refuse = (because: string) => errors.WEBHOOK_URL_INVALID({ because });
  const url = URL.parse(text);
  if (!url) throw refuse('it is no absolute address, such as https://example.org/events');
  if (url.protocol !== 'https:' && (strict || url.protocol !== 'http:')) throw refuse('it must begin with https://');
  if (url.username || url.password) throw refuse('it holds a user or a password; what is sent is known by its signature');
  if (url.hash) throw refuse('it has a part behind #, which would not be sent');
  const literal = literalAddress(url);
  if (strict && literal && !isPublicAddress(literal)) throw refuse('it is no address of the public internet');
  return url.href;
}
