import type { DescMethod } from '@bufbuild/protobuf';
import { TaskTelemetry } from './follow-task.ts';
import type { Logger } from './log.ts';
import { callMetrics, MethodMetrics } from './method-metrics.ts';
import type { MetricFamily, MetricSource } from './metrics.ts';
import type { ObservedMethod } from './observe-call.ts';
import type { Otlp } from './otlp.ts';
import type { OtlpOptions } from './otlp-options.ts';
import { watchRuntime, type RuntimeMetrics } from './runtime-metrics.ts';
import type { Tracer } from './span.ts';
import { observedByDefault, type Observed } from './telemetry-config.ts';

/** What a metric source may take before it is left out, in milliseconds. */
const sourceMilliseconds = 2000;
/** Readings within this time share one, in milliseconds. */
const shareMilliseconds = 500;

/** What a process tells its operators of itself: numbers always, spans where a collector is configured. */
export class Telemetry {
  readonly #log: Logger;
  readonly #observed: Readonly<Observed>;
  readonly #methods = new Map<string, MethodMetrics>();
  readonly #sources: MetricSource[] = [];
  readonly #runtime: RuntimeMetrics = watchRuntime();
  /** Jobs and deliveries of events. */
  readonly tasks = new TaskTelemetry(() => this.tracer);
  #otlp: Otlp | undefined;
  #reading: { since: number; families: Promise<MetricFamily[]> } | undefined;

  constructor(log: Logger, observed: Readonly<Observed> = observedByDefault) {
    this.#log = log;
    this.#observed = observed;
    this.#sources.push(this.#runtime.read);
  }

  /** There is one where a collector is configured. */
  get tracer(): Tracer | undefined {
    return this.#otlp?.tracer;
  }

  /** Begins to send spans and metrics. What does so loads only now: most processes never need it. */
  async export(options: OtlpOptions, deployment: string): Promise<void> {
    const { startOtlp } = await import('./otlp.ts');
    this.#otlp = startOtlp(options, deployment, () => this.read(), this.#log);
  }

  /** What the door of a method reports to. */
  method(method: DescMethod, module: string): ObservedMethod {
    const name = `${method.parent.typeName}/${method.name}`;
    const metrics = this.#methods.get(name) ?? new MethodMetrics(method, module);
    this.#methods.set(name, metrics);
    return { metrics, tracer: this.tracer, observed: this.#observed };
  }

  /** Adds a part of the process that tells how it stands. */
  add(source: MetricSource): void {
    this.#sources.push(source);
  }

  /** All metrics now. A source that fails or takes too long is left out, so that the others are seen just then. */
  async read(): Promise<MetricFamily[]> {
    const calls = callMetrics([...this.#methods.values()]);
    const now = performance.now();
    if (!this.#reading || now - this.#reading.since > shareMilliseconds) this.#reading = { since: now, families: this.#readSources() };
    return [...calls, ...this.tasks.read(), ...(await this.#reading.families)];
  }

  async #readSources(): Promise<MetricFamily[]> {
    const results = await Promise.allSettled(this.#sources.map((source) => inTime(async () => source())));
    const failed = results.filter(({ status }) => status === 'rejected');
    for (const { reason } of failed as PromiseRejectedResult[]) this.#log.debug({ err: reason as unknown }, 'a part of the metrics can not be read');
    return [
      ...merged(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))),
      { name: 'mainstay.metrics.unreadable', type: 'gauge', unit: '{source}', help: 'Parts of the metrics that could not be read this time.', samples: [{ labels: {}, value: failed.length }] },
    ];
  }

  async stop(): Promise<void> {
    this.#runtime.stop();
    await this.#otlp?.stop();
  }
}

/** Samples of one metric from several sources stand together. */
function merged(families: readonly MetricFamily[]): MetricFamily[] {
  const byName = new Map<string, MetricFamily>();
  for (const family of families) {
    const known = byName.get(family.name);
    byName.set(family.name, known ? ({ ...known, samples: [...known.samples, ...family.samples] } as MetricFamily) : family);
  }
  return [...byName.values()];
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('it took too long')), sourceMilliseconds);
  try {
    return await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
