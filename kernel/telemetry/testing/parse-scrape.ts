import assert from 'node:assert/strict';

export interface Scrape {
  /** The value of the sample with exactly these labels, or nothing. */
  value(name: string, labels: Record<string, string>): number | undefined;
  /** All samples of a name. */
  samples(name: string): { labels: Record<string, string>; value: number }[];
  types: ReadonlyMap<string, string>;
}

const suffixes: Record<string, readonly string[]> = { counter: ['', '_total'], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

/** Reads the text format of Prometheus, or OpenMetrics, as strictly as both are described; fails on anything else. */
export function parseScrape(text: string, openMetrics = false): Scrape {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line must end');
  const lines = text.split('\n').slice(0, -1);
  if (openMetrics) assert.equal(lines.pop(), '# EOF');
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const seen = new Map<string, { name: string; labels: Record<string, string>; value: number }>();
  let current = '';
  for (const line of lines) {
    const [, what, family, rest] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line) ?? [];
    if (what === 'HELP') {
      assert.ok(!helps.has(family!), `a second HELP of ${family}`);
      assert.ok(!/\\(?![\\n"])/.test(rest!), `an unknown escape in ${line}`);
      helps.add((current = family!));
    } else if (what === 'TYPE') {
      assert.ok(family === current && !types.has(family), `a TYPE out of place: ${line}`);
      assert.match(rest!, /^(counter|gauge|histogram)$/);
      types.set(family, rest!);
    } else {
      const sample = parseSample(line);
      const type = types.get(current);
      assert.ok(type && suffixes[type]!.some((suffix) => current + suffix === sample.name), `${line} is not of ${current}`);
      if (openMetrics && type === 'counter') assert.ok(sample.name.endsWith('_total'), line);
      const key = sample.name + JSON.stringify(Object.entries(sample.labels).toSorted());
      assert.ok(!seen.has(key), `twice: ${line}`);
      seen.set(key, sample);
    }
  }
  checkHistograms(types, [...seen.values()]);
  return {
    types,
    value: (name, labels) => seen.get(name + JSON.stringify(Object.entries(labels).toSorted()))?.value,
    samples: (name) => [...seen.values()].filter((sample) => sample.name === name),
  };
}

function parseSample(line: string): { name: string; labels: Record<string, string>; value: number } {
  const [, name, inner = '', number] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/su.exec(line) ?? assert.fail(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = inner;
  while (rest !== '') {
    const [pair, key, text] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,(?=.)|$)/su.exec(rest) ?? assert.fail(`not labels: ${inner}`);
    assert.ok(!(key! in labels), `twice ${key}: ${line}`);
    labels[key!] = text!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(pair.length);
  }
  assert.match(number!, /^([+-]?Inf|NaN|-?\d+(\.\d+)?(e[+-]?\d+)?)$/);
  return { name: name!, labels, value: Number(number!.replace('Inf', 'Infinity')) };
}

/** The buckets of a histogram rise, and the last one counts all. */
function checkHistograms(types: ReadonlyMap<string, string>, samples: { name: string; labels: Record<string, string>; value: number }[]): void {
  for (const [family] of [...types].filter(([, type]) => type === 'histogram')) {
    for (const { labels, value } of samples.filter(({ name }) => name === `${family}_count`)) {
      const same = (other: Record<string, string>) => Object.entries(labels).every(([key, text]) => other[key] === text);
      const buckets = samples.filter((sample) => sample.name === `${family}_bucket` && same(sample.labels));
      const values = buckets.map((sample) => sample.value);
      assert.deepEqual(values, values.toSorted((a, b) => a - b), family);
      assert.equal(buckets.at(-1)!.labels.le, '+Inf');
      assert.equal(values.at(-1), value);
    }
  }
}
