import { secret } from '@mainstay/kernel';
import { z } from 'zod';

const from = z.email().max(254);
const DAY_OF_WAITS = [0, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800];

export const config = z.strictObject({
  platform: z.string().min(1).max(100).regex(/^\P{Cc}*$/u).optional().describe('What the platform is called in e-mails; the name of the deployment if absent.'),
  address: z.url({ protocol: /^https?$/ }).optional().describe('The public address that links for ending a subscription lead to, such as https://example.org; the deployment\'s own if absent.'),
  from: z
    .strictObject({
      login: from.default('login@localhost.localdomain').describe('Codes and links for signing in.'),
      security: from.default('security@localhost.localdomain').describe('What happened to an account.'),
      alert: from.default('alert@localhost.localdomain').describe('What needs attention.'),
      notification: from.default('notification@localhost.localdomain').describe('What one may like to know.'),
    })
    .prefault({})
    .describe('The addresses that e-mails come from.'),
  smtp: z
    .strictObject({
      host: z.string().min(1).max(253).describe('The mail server that takes e-mails.'),
      port: z.int().min(1).max(65_535).default(587).describe('Its port.'),
      security: z.enum(['starttls', 'tls', 'none']).default('starttls').describe('starttls: the connection is encrypted after its greeting, or not used. tls: from its first byte. none: not at all, for a mail server of the same machine.'),
      ca: z.string().regex(/^-----BEGIN CERTIFICATE-----/).max(100_000).optional().describe('The certificate of the authority that vouches for the server, in PEM, where it is none that everybody knows.'),
      user: z.string().min(1).max(200).optional().describe('Whom to sign in as; the password is in SYS_EMAIL_SMTP_PASSWORD.'),
      connections: z.int().min(1).max(50).default(4).describe('How many e-mails a process hands over at once, each by a connection that is kept.'),
      timeoutSeconds: z.int().min(1).max(300).default(30).describe('How long the server may be silent.'),
    })
    .optional()
    .describe('Where e-mails are handed over, in the phases A and P. In D and T they lie in the built-in mailbox.'),
  smtpPassword: secret().optional(),
  dkim: z
    .strictObject({
      domain: z.string().min(1).max(253).describe('The domain that signs, such as example.org.'),
      selector: z.string().min(1).max(63).describe('The selector of its key in the DNS.'),
    })
    .optional()
    .describe('Signs e-mails (DKIM, RFC 6376) with the private key in SYS_EMAIL_DKIM_KEY, in PEM.'),
  dkimKey: secret().optional(),
  webhookSecret: secret().optional(),
  waitSeconds: z.array(z.int().min(0).max(604_800)).min(1).max(30).default(DAY_OF_WAITS).describe('How long to wait before each try, in seconds; as many tries there are.'),
  claimSeconds: z.int().min(2).max(600).default(30).describe('An e-mail that a process was handing over when it was killed is tried again after so many seconds.'),
  keepDays: z.int().min(1).max(3650).default(30).describe('How many days is kept what became of an e-mail.'),
  hourlyPerAccount: z.int().min(1).max(100_000).default(30).describe('How many e-mails an account, or an address without one, gets in an hour. Those for signing in and security are counted apart from all others.'),
  hourlyPerOrg: z.int().min(1).max(10_000_000).default(1000).describe('How many e-mails are sent for an org in an hour, besides those for signing in and security.'),
});
export type Config = z.infer<typeof config>;
