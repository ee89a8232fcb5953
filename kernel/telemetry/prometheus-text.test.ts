import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Durations, type MetricFamily } from './metrics.ts';
import { prometheusText } from './prometheus-text.ts';
import { parseScrape } from './testing/parse-scrape.ts';

test('whatever a label holds, a strict parser reads it back', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.double(), fc.boolean(), (text, value, openMetrics) => {
    const family: MetricFamily = { name: 'a.thing', type: 'gauge', unit: 'By', help: text, samples: [{ labels: { label: text, other: 'b' }, value }] };
    const scrape = parseScrape(prometheusText([family], { openMetrics }), openMetrics);
    assert.equal(scrape.value('a_thing_bytes', { label: text, other: 'b' }), value === 0 ? 0 : value);
  }));
});

test('a counter ends in _total, and in OpenMetrics its name does not', () => {
  const family: MetricFamily = { name: 'calls', type: 'counter', unit: '{call}', help: 'Calls.', samples: [{ labels: {}, value: 3 }] };
  assert.equal(prometheusText([family]), '# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total 3\n');
  assert.equal(prometheusText([family], { openMetrics: true }), '# HELP calls Calls.\n# TYPE calls counter\ncalls_total 3\n# EOF\n');
});

test('a histogram adds up: each bound counts all that is not above it', () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (seconds) => {
    const bounds = Float64Array.of(0.1, 1, 10);
    const durations = new Durations(bounds);
    for (const one of seconds) durations.add(one);
    const scrape = parseScrape(prometheusText([{ name: 'd', type: 'histogram', unit: 's', help: 'D.', bounds: [...bounds], samples: [durations.sample({})] }]), false);
    for (const bound of bounds) assert.equal(scrape.value('d_seconds_bucket', { le: String(bound) }), seconds.filter((one) => one <= bound).length);
    assert.equal(scrape.value('d_seconds_bucket', { le: '+Inf' }), seconds.length);
    assert.equal(scrape.value('d_seconds_count', {}), seconds.length);
  }));
});
