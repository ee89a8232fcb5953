import { setTimeout as sleep } from 'node:timers/promises';
import { toJson } from '@bufbuild/protobuf';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { CommandTools } from '@mainstay/kernel';
import { Email_State as State, EmailSchema, EmailsService, Priority, type Email } from '../contract/index.ts';

interface ListOptions {
  state?: string;
  filter: string;
  limit: number;
}

/** How long a test waits until the e-mail is handed over, in milliseconds. */
const PATIENCE = 25_000;

export const timeOf = (time: Timestamp | undefined): string => (time ? timestampDate(time).toISOString() : '');

/** What operators do with e-mails. */
export function sentCommands(cli: CommandTools) {
  const client = () => cli.client(EmailsService);
  return {
    async list({ state, filter, limit }: ListOptions) {
      const conditions = [state && `state = ${state.toUpperCase()}`, filter && `(${filter})`].filter(Boolean).join(' AND ');
      const { emails } = await (await client()).listEmails({ filter: conditions, pageSize: limit });
      if (emails.length === 0 && !cli.json) return cli.print('no e-mails');
      cli.table(emails.map((email) => ({ id: email.emailId, time: timeOf(email.createTime), to: email.to, template: email.template, state: State[email.state].toLowerCase(), tries: String(email.attempts), problem: email.problem })));
    },
    show: async (emailId: string) => shown(cli, await (await client()).getEmail({ emailId })),
    retry: async (ids: string[]) => each(cli, ids, 'is sent again', async (emailId) => (await client()).retryEmail({ emailId })),
    discard: async (ids: string[]) => each(cli, ids, 'discarded', async (emailId) => (await client()).discardEmail({ emailId })),
    async test(to: string, { language }: { language: string }) {
      const service = await client();
      let email = await service.sendTestEmail({ to, language });
      for (const until = Date.now() + PATIENCE; [State.QUEUED, State.SENDING].includes(email.state) && email.attempts === 0 && Date.now() < until; await sleep(250)) email = await service.getEmail({ emailId: email.emailId });
      shown(cli, email);
      if (email.state !== State.SENT) throw new Error(`the test e-mail is not sent: ${email.problem || State[email.state].toLowerCase()}`);
    },
  };
}

function shown(cli: CommandTools, email: Email): void {
  if (cli.json) return cli.print(JSON.stringify(toJson(EmailSchema, email), null, 2));
  const facts = { email: email.emailId, to: email.to, template: email.template, language: email.language, queue: Priority[email.priority].toLowerCase(), list: email.list, state: State[email.state].toLowerCase(), problem: email.problem, tries: String(email.attempts), 'next try': timeOf(email.nextTryTime), 'not after': timeOf(email.expireTime), queued: timeOf(email.createTime), ended: timeOf(email.endTime), 'message id': email.messageId };
  for (const [fact, text] of Object.entries(facts)) if (text) cli.print(`${fact.padEnd(12)} ${text}`);
}

/** Does something with each of several things; the first that it fails for ends it. */
export async function each(cli: CommandTools, ids: readonly string[], done: string, work: (id: string) => Promise<unknown>): Promise<void> {
  for (const id of ids) {
    await work(id);
    if (!cli.json) cli.print(`${id} ${done}`);
  }
  if (cli.json) cli.print(JSON.stringify({ ids }));
}
