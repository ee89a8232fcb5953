import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { Format, ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, NotificationsService, Promise_State as State, PromisesService, type ImportSummary, type Promise as PromiseMessage } from '../../contract/index.ts';

const ada = 'ada@acme.test';
const ben = 'ben@acme.test';
const eve = 'eve@umbrella.test';

/** Imports a file, and gives the summary with the progress that came before it. */
async function importFile(deployment: TestDeployment, as: string, text: string | Uint8Array<ArrayBuffer>, options: { format?: Format; timeZone?: string } = {}) {
  const client = await deployment.client(PromisesService, as);
  const progress: [number, number][] = [];
  let summary: ImportSummary | undefined;
  for await (const { step } of client.importPromises({ content: typeof text === 'string' ? new TextEncoder().encode(text) : text, ...options })) {
    if (step.case === 'progress') progress.push([step.value.done, step.value.total]);
    if (step.case === 'summary') summary = step.value;
  }
  return { ...(summary ?? assert.fail('no summary came')), progress };
}

const counts = ({ imported, updated, unchanged, refusedCount }: ImportSummary) => ({ imported, updated, unchanged, refused: refusedCount });

async function exported(deployment: TestDeployment, as: string, format: Format): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const { content } of (await deployment.client(PromisesService, as)).exportPromises({ format })) pieces.push(content);
  return Buffer.concat(pieces).toString();
}

async function tagged(deployment: TestDeployment, as: string, tag: string): Promise<PromiseMessage[]> {
  return (await (await deployment.client(PromisesService, as)).listPromises({ tag, shelf: Shelf.BOTH, pageSize: 1000, orderBy: 'made_at' })).promises;
}

const todo = (uid: string, tag: string, ...lines: string[]) => ['BEGIN:VTODO', `UID:${uid}`, `CATEGORIES:${tag}`, ...lines, 'END:VTODO'].join('\r\n');

everyTopology('a file is imported once, however often it is imported', async (deployment) => {
  const tag = crypto.randomUUID();
  const file = (summary: string) => ['BEGIN:VCALENDAR', todo(`${tag}-1`, tag, `SUMMARY:${summary}`, 'DUE;VALUE=DATE:20301130'), todo(`${tag}-2`, tag, 'SUMMARY:Done', 'STATUS:COMPLETED', 'COMPLETED:20261101T100000Z'), 'BEGIN:VTODO', 'SUMMARY', 'END:VTODO', 'END:VCALENDAR'].join('\r\n');
  const first = await importFile(deployment, ada, file('Call'), { timeZone: 'Asia/Karachi' });
  assert.deepEqual(counts(first), { imported: 2, updated: 0, unchanged: 0, refused: 1 });
  assert.deepEqual(first.refused.map(({ line, reason }) => [line, reason]), [[16, 'the line "SUMMARY" has no colon']]);
  assert.deepEqual(counts(await importFile(deployment, ada, file('Call'), { timeZone: 'Asia/Karachi' })), { imported: 0, updated: 0, unchanged: 2, refused: 1 });
  assert.deepEqual(counts(await importFile(deployment, ada, file('Call Ben'), { timeZone: 'Asia/Karachi' })), { imported: 0, updated: 1, unchanged: 1, refused: 1 });
  const found = await tagged(deployment, ada, tag);
  assert.deepEqual(found.map(({ title, state, archived }) => [title, state, archived]).toSorted(), [['Call Ben', State.PENDING, false], ['Done', State.FULFILLED, true]]);
  assert.equal(timestampDate(found.find(({ title }) => title === 'Call Ben')!.dueTime!).toISOString(), '2030-11-30T18:59:00.000Z');
  assert.deepEqual(counts(await importFile(deployment, ben, file('Call'))), { imported: 2, updated: 0, unchanged: 0, refused: 1 });
});

everyTopology('two imports of one file at the same time make no duplicates', async (deployment) => {
  const tag = crypto.randomUUID();
  const file = Array.from({ length: 300 }, (_, index) => todo(`${tag}-${index}`, tag, `SUMMARY:Task ${index}`)).join('\r\n');
  const results = await Promise.all([1, 2, 3].map(() => importFile(deployment, ada, file, { format: Format.ICS })));
  assert.equal(results.reduce((sum, { imported }) => sum + imported, 0), 300);
  assert.equal((await tagged(deployment, ada, tag)).length, 300);
});

everyTopology('what was kept or edited here outlives an import of its unchanged source', async (deployment) => {
  const tag = crypto.randomUUID();
  const file = (title: string) => todo(tag, tag, `SUMMARY:${title}`);
  await importFile(deployment, ada, file('Call'), { format: Format.ICS });
  const client = await deployment.client(PromisesService, ada);
  const [{ id }] = (await tagged(deployment, ada, tag)) as [PromiseMessage];
  await client.updatePromise({ promise: { id, description: 'my own words' } });
  await client.fulfillPromise({ promiseId: id });
  assert.equal((await importFile(deployment, ada, file('Call'), { format: Format.ICS })).unchanged, 1);
  assert.equal((await client.getPromise({ promiseId: id })).description, 'my own words');
  assert.equal((await importFile(deployment, ada, file('Call again'), { format: Format.ICS })).updated, 1);
  const updated = await client.getPromise({ promiseId: id });
  assert.deepEqual([updated.title, updated.state], ['Call again', State.FULFILLED]);
  await client.deletePromise({ promiseId: id });
  const again = await importFile(deployment, ada, file('Call'), { format: Format.ICS });
  assert.deepEqual([again.unchanged, again.warnings.length], [1, 1]);
});

everyTopology('an export is unchanged where it came from, and complete in a fresh account', async (deployment) => {
  const client = await deployment.client(PromisesService, eve);
  const tag = crypto.randomUUID();
  const { id } = await client.createPromise({ promise: { title: 'Travel', description: 'by train, "slowly"\nand well', tags: [tag, 'a, b'], promisee: { who: { case: 'name', value: 'Zoe; & Co' } }, dueTime: { seconds: 1_900_000_000n, nanos: 0 }, reminders: [{ time: { seconds: 1_899_000_000n, nanos: 0 }, recurrence: 'FREQ=DAILY;COUNT=3', timeZone: 'Asia/Karachi' }] } });
  await client.failPromise({ promiseId: (await client.createPromise({ promise: { title: 'Broken', tags: [tag] } })).id });
  for (const format of [Format.JSON, Format.ICS]) {
    const file = await exported(deployment, eve, format);
    const again = await importFile(deployment, eve, file);
    assert.deepEqual([again.imported, again.updated, again.refusedCount], [0, 0, 0]);
    const fresh = format === Format.JSON ? ada : ben;
    await importFile(deployment, fresh, file);
    const shape = ({ title, description, tags, state, archived, dueTime, promisee, reminders }: PromiseMessage) => ({ title, description, tags, state, archived, dueTime, promisee: promisee?.displayName, reminders: reminders.map(({ time, recurrence, timeZone, method }) => ({ time, recurrence, timeZone, method })) });
    assert.deepEqual((await tagged(deployment, fresh, tag)).map(shape).toSorted((a, b) => (a.title < b.title ? -1 : 1)), (await tagged(deployment, eve, tag)).map(shape).toSorted((a, b) => (a.title < b.title ? -1 : 1)));
  }
  assert.ok((await exported(deployment, eve, Format.JSON)).includes(id));
  assert.match(await exported(deployment, eve, Format.CSV), /^TYPE,CONTENT,.*\r\ntask,/);
});

everyTopology('an export as CSV brings no duplicates where it came from, and takes nothing away', async (deployment) => {
  const client = await deployment.client(PromisesService, eve);
  const tag = crypto.randomUUID();
  const reminders = [{ time: { seconds: 1_899_000_000n, nanos: 0 } }];
  await client.createPromise({ promise: { title: `Made here ${tag}`, description: 'a\nb', tags: [tag, 'two words'], dueTime: { seconds: 1_900_000_007n, nanos: 0 }, promisee: { who: { case: 'name', value: 'Zoe' } }, reminders } });
  await importFile(deployment, eve, `TYPE,CONTENT,DATE,TIMEZONE\ntask,Rent ${tag} @${tag},every 1st,Europe/Berlin\n`);
  const before = await tagged(deployment, eve, tag);
  const csv = await exported(deployment, eve, Format.CSV);
  assert.equal((await importFile(deployment, eve, csv)).imported, 0);
  assert.deepEqual(await tagged(deployment, eve, tag), before);
  const changed = await importFile(deployment, eve, csv.replaceAll(`Rent ${tag} @${tag},`, `Rent ${tag} @${tag} @more,`));
  assert.equal(changed.updated, 1);
  const rent = (await tagged(deployment, eve, tag)).find(({ title }) => title.startsWith('Rent'));
  assert.deepEqual([rent?.tags.includes('more'), rent?.reminders.map(({ recurrence }) => recurrence)], [true, ['FREQ=MONTHLY;BYMONTHDAY=1']]);
});

everyTopology('people named in a file are found among the org, and past alarms stay silent', async (deployment) => {
  const tag = crypto.randomUUID();
  const file = [todo(`${tag}1`, tag, 'SUMMARY:To Ben', `ATTENDEE;CN=Benjamin:mailto:${ben}`, 'BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER;VALUE=DATE-TIME:20200101T000000Z', 'END:VALARM'), todo(`${tag}2`, tag, 'SUMMARY:To a stranger', 'ATTENDEE;CN=Eve:mailto:eve@umbrella.test')].join('\r\n');
  assert.equal((await importFile(deployment, ada, file, { format: Format.ICS })).imported, 2);
  const found = await tagged(deployment, ada, tag);
  assert.deepEqual(found.map(({ title, promisee, reminders }) => [title, promisee?.who.case, promisee?.displayName, reminders[0]?.nextTime]).toSorted(), [['To Ben', 'accountId', 'Ben', undefined], ['To a stranger', 'name', 'Eve', undefined]]);
  assert.ok((await (await deployment.client(PromisesService, ben)).listPromises({ view: View.TO_ME, tag })).promises.length === 1);
  await sleep(600);
  const told = (await (await deployment.client(NotificationsService, ada)).listNotifications({ pageSize: 1000 })).notifications;
  assert.ok(!told.some(({ promiseId }) => found.some(({ id }) => id === promiseId)));
});

everyTopology('a file that is no text, of no known format, or too long is refused, and nothing is written', async (deployment) => {
  const refused = (reason: string) => (error: unknown) => reasonOf(error) === `mod-promist.${reason}`;
  const before = (await tagged(deployment, ada, '')).length;
  await assert.rejects(importFile(deployment, ada, new Uint8Array([0x7b, 0xff, 0xfe])), refused('NOT_TEXT'));
  await assert.rejects(importFile(deployment, ada, 'hello'), refused('UNKNOWN_FORMAT'));
  await assert.rejects(importFile(deployment, ada, '\ufeff \r\n', { format: Format.ICS }), refused('EMPTY_FILE'));
  const none = await importFile(deployment, ada, 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n');
  assert.deepEqual([none.imported, none.warnings.map(({ reason }) => reason)], [0, ['the file holds no promises']]);
  await assert.rejects(importFile(deployment, ada, '[]', { timeZone: 'Mars' }), refused('INVALID_TIME_ZONE'));
  await assert.rejects(importFile(deployment, ada, `[${'{"title":"x"},'.repeat(100_001)}{"title":"x"}]`), refused('IMPORT_TOO_LARGE'));
  assert.equal((await tagged(deployment, ada, '')).length, before);
});

everyTopology('ten thousand to-dos are imported with progress', async (deployment) => {
  const tag = crypto.randomUUID();
  const alarm = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER;VALUE=DATE-TIME:20310101T000000Z', 'END:VALARM'];
  const file = Array.from({ length: 10_000 }, (_, index) => todo(`${tag}-${index}`, tag, `SUMMARY:Task ${index}`, 'DESCRIPTION:Some words about it', 'DUE;TZID=Europe/Berlin:20301130T170000', ...(index % 2 ? [] : alarm))).join('\r\n');
  for (const expected of [{ imported: 10_000, unchanged: 0 }, { imported: 0, unchanged: 10_000 }]) {
    const started = performance.now();
    const { imported, unchanged, progress } = await importFile(deployment, eve, file, { format: Format.ICS });
    process.stdout.write(`# ${imported} imported, ${unchanged} unchanged in ${Math.round(performance.now() - started)} ms\n`);
    assert.deepEqual({ imported, unchanged }, expected);
    assert.deepEqual(progress, Array.from({ length: 11 }, (_, index) => [index * 1000, 10_000]));
  }
});
