import type { Phase } from '@mainstay/kernel';

/** The password of every demo account. */
export const demoPassword = 'mainstay-demo';

/** Who can sign in to a demo; these accounts exist in phases D and T only. */
export const demoAccounts = [
  { email: 'root@mainstay.test', role: 'Platform Administrator' },
  { email: 'ops@mainstay.test', role: 'Platform Maintenance' },
  { email: 'olga@acme.test', role: 'administrator of Acme' },
  { email: 'ada@acme.test', role: 'user of Acme' },
  { email: 'ben@acme.test', role: 'user of Acme' },
  { email: 'eve@umbrella.test', role: 'user of Umbrella' },
];

/** Lines that tell who can sign in; none in phases A and P. */
export function demoLogins(phase: Phase | undefined, modules: readonly string[]): string[] {
  if (!phase || !'DT'.includes(phase) || !modules.includes('sys-accounts')) return [];
  return [`Demo logins, password ${demoPassword}:`, ...demoAccounts.map(({ email, role }) => `  ${email.padEnd(20)} ${role}`)];
}
