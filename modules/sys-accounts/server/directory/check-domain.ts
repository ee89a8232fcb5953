import { domainToASCII } from 'node:url';
import { errors } from '../../errors.ts';

const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** A domain as DNS has it. Throws `EMAIL_DOMAIN_UNFIT` for what is none, or has but one label: those are nobody's own. */
export function checkDomain(given: string): string {
  const trimmed = given.trim();
  const domain = domainToASCII(trimmed);
  const labels = domain.split('.');
  if (trimmed.includes('@')) throw errors.EMAIL_DOMAIN_UNFIT({ problem: 'give what stands behind the @ alone, such as example.org' });
  if (domain === '' || domain.length > 253 || !labels.every((each) => label.test(each))) throw errors.EMAIL_DOMAIN_UNFIT({ problem: 'it is no domain; give one such as example.org' });
  if (labels.length < 2 || /^\d+$/.test(labels.at(-1)!)) throw errors.EMAIL_DOMAIN_UNFIT({ problem: 'it has to be a domain of your own, such as example.org' });
  return domain;
}
