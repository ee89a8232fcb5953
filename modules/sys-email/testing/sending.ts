import { randomUUID } from 'node:crypto';

/** The modules of a deployment in which `mod-probe` sends e-mail. */
export const setUp = (config: object = {}) => ({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': config, 'mod-probe': null }, moduleFiles: [import.meta.resolve('./sending-module.ts')] });

/** An address that nobody else has. */
export const someone = (): string => `${randomUUID().slice(0, 13)}@acme.test`;

/** Whatever REST calls can be sent to. */
interface Reached {
  fetch(path: string, options: { body: unknown }): Promise<Response>;
}

export interface Answer {
  status: number;
  emailId: string;
  reason: string;
  detail: string;
}

const reminder = { template: 'mod-probe/reminder', values: { title: 'Water the plants', link: 'https://example.test/1' }, sender: 'NOTIFICATION', priority: 'HIGH', language: 'en' };

/** Lets `mod-probe` send an e-mail: a reminder, unless `wanted` says otherwise. */
export async function send(deployment: Reached, wanted: object): Promise<Answer> {
  const answer = await deployment.fetch('/v1/echo/send', { body: { stringValue: JSON.stringify({ ...reminder, ...wanted }) } });
  const { text = '', reason = '', detail = '' } = await answer.json() as { text?: string; reason?: string; detail?: string };
  return { status: answer.status, emailId: text, reason: reason.replace(/^sys-email\./, ''), detail };
}

/** What becomes of a code, which nobody unsubscribes. */
export const code = (to: string, more: object = {}) => ({ to, template: 'mod-probe/code', values: { code: '428117' }, sender: 'LOGIN', ...more });
