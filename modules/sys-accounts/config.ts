import { z } from 'zod';

export const config = z.strictObject({
  audience: z.array(z.url()).max(20).default([]).describe('The addresses that access tokens are good for; the deployment\'s own if empty.'),
  accessTokenMinutes: z.int().min(1).max(60).default(10).describe('How long an access token is good.'),
  sessionDays: z.int().min(1).max(90).default(14).describe('How long a session lasts without a refresh.'),
  refreshLeewaySeconds: z.int().min(0).max(60).default(10).describe('How long after its use a refresh token is refused without ending its session: tabs of one person refresh at the same time. Later uses end it.'),
  passwordMemoryMib: z.int().min(1).max(1024).default(64).describe('The memory that one password is hashed in (argon2id, two passes), in MiB; the time grows with it. At least 19 in phases A and P.'),
  passwordScore: z.int().min(2).max(4).default(3).describe('How hard a new password must be to guess, as zxcvbn scores it: 2 is more than 10^6 guesses, 3 more than 10^8, 4 more than 10^10.'),
  dormantAfterDays: z.int().min(30).max(36_500).default(365).describe('Accounts into which nobody logged in for so many days rest: they are used again with a new password, by a link that is sent to their address.'),
  requireVerifiedEmail: z.boolean().optional().describe('Whether an account is made only once its person has shown that the address is theirs. Else it is there at once, and the address unproven. If absent: yes in phases A and P, no in D and T.'),
  emailRequests: z.int().min(1).max(1000).default(5).describe('How many e-mails with a link anybody may ask for to one address in an hour: registrations, forgotten passwords.'),
  emailRequestsPerAddress: z.int().min(1).max(100_000).default(100).describe('How many such e-mails may be asked for from one network address in an hour.'),
  failedLogins: z.int().min(1).max(100).default(5).describe('Failed logins of one e-mail address from one network address before a further one bans the pair.'),
  failedLoginsPerAddress: z.int().min(1).max(10_000).default(100).describe('Failed logins from one network address, whatever the e-mail address, before a further one bans it.'),
  failedFactorsPerAccount: z.int().min(1).max(1000).default(50).describe('Wrong second factors of one account, wherever they come from, before a further one bans it from logging in with one: only who knows the password can guess them.'),
  banMinutes: z.int().min(1).max(1440).default(60).describe('How long a ban lasts.'),
  passkeyOrigins: z.array(z.url()).max(20).default([]).describe('The origins of the pages where passkeys are used, such as https://example.org: passkeys belong to the host of the first, and the others lie below it. The deployment\'s own address if empty.'),
  rememberedDeviceDays: z.int().min(1).max(365).default(30).describe('How long a remembered device logs in without a second factor.'),
  secondFactorAfterDays: z.int().min(1).max(3650).default(30).describe('Who has not logged in for so many days is asked for their second factor again, also on a remembered device.'),
  secondFactorInNewPlaces: z.boolean().default(true).describe('Whether who logs in from a network that the account was never used from is asked for their second factor, also on a remembered device.'),
  innerIdentityProviders: z.boolean().default(false).describe('Whether identity providers of orgs may be at addresses that are not of the public internet, as in a network of one\'s own. In phases D and T they always may, and without https.'),
  dnsServers: z.array(z.string().regex(/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/, 'must be an IP address with or without a port, such as 9.9.9.9 or [2620:fe::fe]:53')).max(10).default([]).describe('The DNS servers that are asked whether an e-mail domain is an org\'s, such as 9.9.9.9 or 127.0.0.1:5353; the system\'s if empty.'),
  samlClockSkewSeconds: z.int().min(0).max(600).default(60).describe('By how much the clocks of SAML identity providers may differ from ours.'),
  adminEmail: z.email().default('admin@localhost.localdomain').describe('The first administrator, made in phases A and P.'),
});
export type Config = z.infer<typeof config>;
