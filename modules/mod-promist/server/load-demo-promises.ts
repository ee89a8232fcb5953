import type { Client } from '@connectrpc/connect';
import { runInOrg, type Transaction } from '@mainstay/kernel';
import type { OrgsService } from '@mainstay/sys-accounts/contract';
import { z } from 'zod';
import type { Tables } from '../database/tables.ts';
import type { Needs } from './needs.ts';
import { recordChanges } from './promises/record-change.ts';
import { addReminder } from './reminders/arm-reminders.ts';
import { nextTime } from './reminders/recurrence.ts';

/** Days from the start of the deployment, at nine in the morning: `+2d`, `-10d`. */
const day = z.string().regex(/^[+-]\d{1,3}d$/, 'must be a number of days from today, such as +2d or -10d');

const promise = z.strictObject({
  title: z.string().min(1).max(500),
  description: z.string().max(20_000).default(''),
  to: z.string().min(1).max(200).optional(),
  made: day.default('-1d'),
  due: day.optional(),
  tags: z.array(z.string().min(1).max(100)).default([]),
  state: z.enum(['PENDING', 'FULFILLED', 'FAILED']).default('PENDING'),
  settled: day.optional(),
  remind: day.optional(),
  every: z.string().default(''),
  shareWith: z.email().optional(),
});

export const demoPromises = z.strictObject({ people: z.array(z.strictObject({ email: z.email(), org: z.string().min(1), promises: z.array(promise) })) });

type Demo = z.infer<typeof demoPromises>;
type DemoPromise = z.infer<typeof promise>;

/** The accounts of the demo's people, by address. */
type People = Map<string, string>;

export type DemoNeeds = Pick<Needs, 'db' | 'accounts'> & { orgs: Client<typeof OrgsService> };

/** Makes the promises of the demo, once: whoever has a promise already, deleted ones included, gets none. */
export async function loadDemoPromises(needs: DemoNeeds, { people }: Demo): Promise<void> {
  for (const [name, members] of Map.groupBy(people, ({ org }) => org)) {
    const orgId = await findOrg(needs.orgs, name);
    if (orgId) await runInOrg(orgId, () => loadOrg(needs, members));
  }
}

/** The id of the org of this name, if there is one. */
export async function findOrg(orgs: Client<typeof OrgsService>, name: string): Promise<string | undefined> {
  for (let pageToken = ''; ; ) {
    const page = await orgs.listOrgs({ pageToken, pageSize: 1000 });
    const org = page.orgs.find((one) => one.name === name && !one.personal);
    if (org || !page.nextPageToken) return org?.orgId;
    pageToken = page.nextPageToken;
  }
}

async function loadOrg({ db, accounts }: Pick<Needs, 'db' | 'accounts'>, members: Demo['people']): Promise<void> {
  const emails = members.flatMap(({ email, promises }) => [email, ...promises.flatMap(({ to, shareWith }) => [to, shareWith].filter((who) => who?.includes('@')) as string[])]);
  const { accounts: found } = await accounts.findAccounts({ emails: [...new Set(emails)] });
  const people: People = new Map(found.map(({ accountId, email }) => [email, accountId]));
  for (const { email, promises } of members) {
    const owner = people.get(email);
    if (owner) await db.write((tx) => makePromises(tx, promises, owner, people));
  }
}

async function makePromises(tx: Transaction<Tables>, promises: DemoPromise[], owner: string, people: People): Promise<void> {
  const present = await tx.selectFrom('mod_promist_promises').select('id').where('owner_id', '=', owner).limit(1).executeTakeFirst();
  if (!present) for (const one of promises) await makePromise(tx, one, owner, people);
}

async function makePromise(tx: Transaction<Tables>, given: DemoPromise, owner: string, people: People): Promise<void> {
  const promisee = given.to ? people.get(given.to) : undefined;
  const { id } = await tx
    .insertInto('mod_promist_promises')
    .values({
      owner_id: owner,
      title: given.title,
      description: given.description,
      made_at: dayOf(given.made),
      due_time: given.due ? dayOf(given.due) : null,
      promisee_name: promisee ? '' : (given.to ?? ''),
      promisee_account_id: promisee ?? null,
      tags: given.tags,
      state: given.state,
      settled_at: given.state === 'PENDING' ? null : dayOf(given.settled ?? '-1d'),
      archived: given.state === 'FULFILLED',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await recordChanges(tx, id, owner, [{ field: 'created', after: given.title }]);
  const friend = given.shareWith ? people.get(given.shareWith) : undefined;
  if (friend) await tx.insertInto('mod_promist_shares').values({ promise_id: id, account_id: friend, permission: 'KEEP' }).execute();
  if (given.remind) await remind(tx, id, dayOf(given.remind), given.every);
}

async function remind(tx: Transaction<Tables>, promiseId: string, time: Date, recurrence: string): Promise<void> {
  const schedule = { time, recurrence, timeZone: 'UTC' };
  const next = nextTime(schedule, new Date());
  if (next) await addReminder(tx, promiseId, { ...schedule, method: 'APP', next }, true);
}

function dayOf(days: string): Date {
  const date = new Date();
  date.setUTCDate(date.getUTCDate() + Number(days.slice(0, -1)));
  date.setUTCHours(9, 0, 0, 0);
  return date;
}
