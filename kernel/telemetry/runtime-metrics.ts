import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { platformVersion } from '../module/version.ts';
import { Durations, type MetricFamily, type MetricSource } from './metrics.ts';

const gcBounds = Float64Array.of(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1);
const gcKinds: Readonly<Record<number, string>> = { 1: 'minor', 2: 'minor_mark_sweep', 4: 'major', 8: 'incremental', 16: 'weak_callbacks' };
/** How often the event loop is looked at, in milliseconds: seldom enough that an idle process rests. */
const lookMilliseconds = 100;

/** The process itself: event loop, memory, processor time, garbage collection. */
export interface RuntimeMetrics {
  read: MetricSource;
  stop(): void;
}

/** Begins to watch the process. */
export function watchRuntime(): RuntimeMetrics {
  const delay = monitorEventLoopDelay({ resolution: lookMilliseconds });
  delay.enable();
  const collections = new Map<string, Durations>();
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & { detail?: { kind?: number } })[]) {
      const kind = gcKinds[detail?.kind ?? 0] ?? 'other';
      if (!collections.has(kind)) collections.set(kind, new Durations(gcBounds));
      collections.get(kind)!.add(duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    read: () => [build, ...loopMetrics(delay), ...processMetrics(), {
      name: 'v8js.gc.duration', type: 'histogram', unit: 's', help: 'Garbage collections, by kind.', bounds: [...gcBounds],
      samples: [...collections].map(([kind, durations]) => durations.sample({ kind })),
    }],
    stop() {
      delay.disable();
      observer.disconnect();
    },
  };
}

const gauge = (name: string, unit: string, help: string, value: number): MetricFamily => ({ name, type: 'gauge', unit, help, samples: [{ labels: {}, value }] });

const build: MetricFamily = {
  name: 'mainstay.build.info', type: 'gauge', unit: '{build}', help: 'The version that runs.',
  samples: [{ labels: { version: platformVersion, node: process.version }, value: 1 }],
};

function loopMetrics(delay: ReturnType<typeof monitorEventLoopDelay>): MetricFamily[] {
  const { idle, active } = performance.eventLoopUtilization();
  // What is measured is the time between two looks.
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - lookMilliseconds / 1000);
  const quantiles = delay.count > 0 ? [0.5, 0.99, 1].map((quantile) => ({ labels: { quantile: String(quantile) }, value: seconds(quantile === 1 ? delay.max : delay.percentile(quantile * 100)) })) : [];
  return [
    { name: 'nodejs.eventloop.time', type: 'counter', unit: 's', help: 'Time the event loop spent waiting and working.', samples: [{ labels: { state: 'idle' }, value: idle / 1000 }, { labels: { state: 'active' }, value: active / 1000 }] },
    { name: 'nodejs.eventloop.delay', type: 'gauge', unit: 's', help: 'How late the event loop was, since the process started.', samples: quantiles },
  ];
}

function processMetrics(): MetricFamily[] {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gauge('process.memory.resident', 'By', 'Memory that the process holds.', rss),
    { name: 'v8js.memory.heap', type: 'gauge', unit: 'By', help: 'Memory of JavaScript objects, and what they hold outside of the heap.', samples: Object.entries({ used: heapUsed, reserved: heapTotal, external, limit: getHeapStatistics().heap_size_limit }).map(([state, value]) => ({ labels: { state }, value })) },
    { name: 'process.cpu.time', type: 'counter', unit: 's', help: 'Processor time.', samples: [{ labels: { mode: 'user' }, value: user / 1e6 }, { labels: { mode: 'system' }, value: system / 1e6 }] },
    gauge('process.start_time', 's', 'When the process started, in seconds since the epoch.', performance.timeOrigin / 1000),
  ];
}
