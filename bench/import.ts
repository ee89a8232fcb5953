/**
 * How long `./mainstay promises import` takes for 10,000 to-dos, new and again, as a person sees it: the whole
 * command, against a running deployment. The reference is the same file read by ical.js alone, with nothing stored.
 *
 * `node bench/import.ts [to-dos] [runs]`
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ICAL from 'ical.js';
import { conditions } from './conditions.ts';
import { median, percentile } from './percentile.ts';

const mainstay = join(import.meta.dirname, '../mainstay');
const count = Number(process.argv[2] ?? 10_000);
const runs = Number(process.argv[3] ?? 5);
const home = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
const environment = { ...process.env, MAINSTAY_HOME: home };
const before = conditions();

const fresh: number[] = [];
const again: number[] = [];
const parsed: number[] = [];
let errors = 0;
try {
  command(['up', '--detach', '--port', '0']);
  for (let run = 0; run < runs; run++) {
    const text = calendar(run);
    const file = join(home, `${run}.ics`);
    writeFileSync(file, text);
    fresh.push(importing(file, `imported ${count}, updated 0, unchanged 0, refused 0`));
    again.push(importing(file, `imported 0, updated 0, unchanged ${count}, refused 0`));
    const start = performance.now();
    ICAL.parse(text);
    parsed.push(performance.now() - start);
  }
} finally {
  command(['down']);
  rmSync(home, { recursive: true, force: true });
}
print();

function command(args: string[]): string {
  const { status, stdout, stderr } = spawnSync(mainstay, args, { env: environment, encoding: 'utf8' });
  if (status !== 0) {
    errors++;
    console.error(stderr);
  }
  return stdout;
}

/** Milliseconds that an import takes; one whose summary is not as expected is an error. */
function importing(file: string, summary: string): number {
  const start = performance.now();
  const said = command(['promises', 'import', file]);
  const took = performance.now() - start;
  if (!said.includes(summary)) {
    errors++;
    console.error(`expected "${summary}", got: ${said}`);
  }
  return took;
}

/** To-dos with a due time, tags and a reminder before it, each with an id of its own. */
function calendar(run: number): string {
  const todo = (number: number) => [
    'BEGIN:VTODO', `UID:${run}-${number}@bench`, `SUMMARY:Promise number ${number} of a long list`, 'DESCRIPTION:What\\, why and how\\nin two lines',
    `DUE:2031${String((number % 12) + 1).padStart(2, '0')}15T120000Z`, `CATEGORIES:bench,group ${number % 10}`,
    ...(number % 2 ? [] : ['BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER:-PT30M', 'END:VALARM']), 'END:VTODO',
  ];
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Mainstay//bench//EN', ...Array.from({ length: count }, (_, number) => todo(number)).flat(), 'END:VCALENDAR', ''].join('\r\n');
}

function print(): void {
  const row = (name: string, values: number[]) =>
    console.log(`| ${name} | ${values.length} | ${median(values).toFixed(0)} | ${percentile(values, 0.99).toFixed(0)} | ${(count / median(values) * 1000).toFixed(0)} | ${(median(values) / median(parsed)).toFixed(1)} |`);
  console.log(`${before}; ${count} to-dos, half with a reminder; errors: ${errors}\n`);
  console.log('| what | runs | p50 ms | p99 ms | to-dos/s | ratio to parsing alone |\n| --- | --- | --- | --- | --- | --- |');
  row('import, all new (bound 10,000 ms)', fresh);
  row('import again, all unchanged', again);
  row('ical.js parses the file, nothing stored', parsed);
}
