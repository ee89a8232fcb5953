import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { CommandTools } from '@mainstay/kernel';
import { PromisesService } from '../contract/index.ts';
import { parseWhen } from '../server/dates/parse-when.ts';
import type { When } from '../server/dates/when.ts';
import { shortId } from './find-by-short-id.ts';
import { asJson, ownTimeZone, shown } from './show-promise.ts';

export interface AddOptions {
  to?: string;
  due?: string;
  tag: string[];
  remind?: string;
  description?: string;
}

/** Makes a promise from what stands on the command line. */
export async function addPromise(cli: CommandTools, title: string, { to, due, tag, remind, description = '' }: AddOptions): Promise<void> {
  const dueTime = due === undefined ? undefined : readWhen('--due', due);
  if (dueTime?.recurrence) throw new Error('--due takes one time: use --remind for times that recur');
  const reminder = remind === undefined ? undefined : readWhen('--remind', remind, '09:00');
  const client = await cli.client(PromisesService);
  const promise = await client.createPromise({
    promise: {
      title,
      description,
      tags: tag,
      ...(dueTime && { dueTime: timestampFromDate(dueTime.time) }),
      ...(to && { promisee: { who: { case: /^\S+@\S+\.\S+$/.test(to) ? 'email' : 'name', value: to } } }),
      reminders: reminder ? [{ time: timestampFromDate(reminder.time), recurrence: reminder.recurrence, timeZone: ownTimeZone() }] : [],
    },
  });
  if (cli.json) return cli.print(JSON.stringify(asJson(promise), null, 2));
  const facts = [promise.title, promise.promisee && `to ${promise.promisee.displayName}`, promise.dueTime && `due ${shown(promise.dueTime)}`, reminder && `reminder ${shown(promise.reminders[0]?.nextTime)}`];
  cli.print(`made ${shortId(promise.id)}  ${facts.filter(Boolean).join(', ')}`);
}

function readWhen(option: string, text: string, timeOfDay?: string): When {
  const when = parseWhen(text, { now: new Date(), timeZone: ownTimeZone(), ...(timeOfDay && { timeOfDay }) });
  if (!when) throw new Error(`${option}: "${text}" is not a time; write one like 2026-11-30, "2026-11-30 17:00", "tomorrow 5pm", "in 2 hours" or friday`);
  return when;
}
