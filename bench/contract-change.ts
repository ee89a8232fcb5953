/**
 * How long a developer waits after a change of a contract: `./mainstay check` generates its code and checks the types of
 * the whole project. A field is added to the example's contract, and taken away again. The reference is the same check with nothing known.
 *
 * `node bench/contract-change.ts [runs]`
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conditions } from './conditions.ts';
import { median } from './percentile.ts';

const root = join(import.meta.dirname, '..');
const contract = join(root, 'examples/mod-hello/contract/mod/hello/v1/hello.proto');
const runs = Number(process.argv[2] ?? 5);
const original = readFileSync(contract, 'utf8');
const before = conditions();
const changed: Taken[] = [];
const cold: Taken[] = [];
let errors = 0;

/** Seconds on the clock, and of the processors. */
interface Taken {
  wall: number;
  cpu: number;
}

try {
  check();
  for (let run = 0; run < runs; run++) {
    writeFileSync(contract, original.replace('message Greeting {', `message Greeting {\n  // Added by the benchmark.\n  string added_${run} = ${100 + run};`));
    changed.push(check());
    rmSync(join(root, '.toolchain/types.tsbuildinfo'), { force: true });
    cold.push(check());
  }
} finally {
  writeFileSync(contract, original);
  check();
}
console.log(`${before}; errors: ${errors}\n`);
console.log('| what | runs | fastest s | median s | slowest s | CPU s, median |\n| --- | --- | --- | --- | --- | --- |');
for (const [name, times] of [['contract changed → code generated → types checked (bound 3 s)', changed], ['types checked with nothing known', cold]] as const) {
  const walls = times.map(({ wall }) => wall);
  console.log(`| ${name} | ${runs} | ${Math.min(...walls).toFixed(2)} | ${median(walls).toFixed(2)} | ${Math.max(...walls).toFixed(2)} | ${median(times.map(({ cpu }) => cpu)).toFixed(2)} |`);
}

function check(): Taken {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time "$0" check`, join(root, 'mainstay')], { encoding: 'utf8' });
  const wall = (performance.now() - start) / 1000;
  if (status !== 0) {
    errors++;
    console.error(stdout);
  }
  const [user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number) as [number, number];
  return { wall, cpu: user + system };
}
