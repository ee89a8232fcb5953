import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Attacked } from './attacked.ts';

let attacked: Attacked;
before(async () => (attacked = await Attacked.start()));
after(() => attacked.stop());

const mebibyte = 1024 * 1024;
const many = (text: string, bytes = 11 * mebibyte) => text.repeat(Math.floor(bytes / text.length));
const due = 'DTSTART:20300101T000000Z\r\nDUE:20300101T000000Z\r\n';
const todo = (lines: string) => `BEGIN:VTODO\r\nSUMMARY:x\r\n${lines}END:VTODO\r\n`;
const calendar = (content: string) => `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${content}END:VCALENDAR\r\n`;
const csv = (rows: string, columns = '') => `TYPE,CONTENT${columns}\n${rows}`;
const json = (promises: string) => `{"promises":[${promises}]}`;
const longLine = 250 * 1024;

/** Files that are made to be much work, and what the import says of each. */
const bombs: Record<string, [file: () => string | Buffer, says: RegExp]> = {
  'to-dos that begin and never end': [() => calendar(many('BEGIN:VTODO\r\n', mebibyte)), /END:VTODO is missing/],
  'components that begin and never end': [() => calendar(many('BEGIN:X\r\n')), /holds no promises/],
  'time zones without end': [() => calendar(many('BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nRRULE:FREQ=YEARLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n')), /holds no promises/],
  'a to-do of 250,000 alarms': [() => calendar(todo(due + many('BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n'))), /longer than 256 KiB/],
  'a rule of each second': [() => calendar(todo(`${due}RRULE:FREQ=SECONDLY;COUNT=1000000000\r\n`)), /once a minute at most/],
  'rules that never come true': [() => calendar(many(todo(`${due}RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30\r\n`), 4000)), /never comes true/],
  'a rule until the year 9999 with every list': [() => calendar(todo(`${due}RRULE:FREQ=YEARLY;UNTIL=99991231;BYHOUR=${Array.from({ length: 24 }, (_, hour) => hour).join()};BYMINUTE=${Array.from({ length: 60 }, (_, minute) => minute).join()};BYSETPOS=366\r\n`)), /summary/],
  'a line folded four million times': [() => calendar(todo(`DESCRIPTION:${many('a\r\n ')}`)), /END:VTODO is missing/],
  'a line of 11 MiB': [() => calendar(todo(`DESCRIPTION:${many('a')}\r\n`)), /longer than 256 KiB/],
  'a title of blanks': [() => calendar(`BEGIN:VTODO\r\nSUMMARY:a${many(' ', longLine)}b\r\nEND:VTODO\r\n`), /title is longer than 500/],
  'a title of line ends': [() => calendar(`BEGIN:VTODO\r\nSUMMARY:a${many(' \\n', longLine)}b\r\nEND:VTODO\r\n`), /summary/],
  'a time beyond every calendar': [() => calendar(todo('DUE:99999999T999999Z\r\n') + todo('DUE:00000101T000000Z\r\n')), /no time that exists/],
  'a time zone of 250 KB': [() => calendar(todo(`DUE;TZID=${many('a/', longLine)}:20300101T000000\r\n`)), /is not known/],
  'millions of empty lines': [() => calendar(many('\r')), /holds no promises/],
  'a calendar in Latin-1': [() => Buffer.from(calendar(todo('DESCRIPTION:caf\xe9\r\n')), 'latin1'), /NOT_TEXT/],
  'a calendar with NUL': [() => calendar(todo('DESCRIPTION:a\0b\r\n')), /cannot be stored/],
  'a calendar in UTF-16, cut in the middle': [() => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(calendar(todo('')), 'utf16le').subarray(0, -1)]), /NOT_TEXT/],
  'a row of 11 MiB': [() => csv(`task,${many('x')}`), /longer than 256 KiB/],
  'a row of a million columns': [() => csv(`task${many(',', 250_000)}\n`), /no CONTENT/],
  'a heading of 100,000 columns': [() => csv(many('task,x\n', 7000), many(',a', 200_000)), /"imported":1000|"unchanged":1000/],
  'a quotation mark that is never closed': [() => csv(`"${many('task,x\n')}`), /longer than 256 KiB/],
  'quotation marks alone': [() => csv(many('"\n')), /IMPORT_TOO_LARGE/],
  'rows that are all wrong': [() => csv(many('task,a"b\n')), /IMPORT_TOO_LARGE/],
  'millions of empty rows': [() => csv(many('\n')), /holds no promises/],
  'a task of a million notes': [() => csv(`task,x\n${many('note,x\n')}`), /description is longer/],
  'JSON of a million brackets': [() => `{"promises":[${many('[', mebibyte)}`, /does not end/],
  'JSON nested 100,000 deep': [() => json(`{"title":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`), /longer than 256 KiB/],
  'JSON of a million keys': [() => json(`{${Array.from({ length: 500_000 }, (_, index) => `"k${index}":1`).join()}}`), /longer than 256 KiB/],
  'JSON of a number of 11 MiB': [() => json(`{"title":${many('9')}}`), /longer than 256 KiB/],
};

test('bombs of every format are refused in place, in bounded memory, while others are served', async () => {
  const peaks: Record<string, number> = {};
  for (const [what, [file, says]] of Object.entries(bombs)) {
    const content = Buffer.from(file());
    const body = JSON.stringify({ content: content.toString('base64') });
    const harm = await attacked.during(async () => {
      const response = await fetch(`${attacked.address}/v1/promises:import`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${attacked.token}` }, body, signal: AbortSignal.timeout(45_000) });
      const text = await response.text();
      assert.ok(response.status < 500 || response.status === 503, `${what}: ${response.status} ${text.slice(0, 300)}`);
      assert.match(text, says, what);
    });
    peaks[what] = Math.round(harm.peakMiB);
    assert.ok(harm.peakMiB < 600, `${what}: ${harm.peakMiB} MiB more`);
  }
  if (process.env.MAINSTAY_SHOW_PEAKS) console.log(peaks);
});
