import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, createTraceState, trace, type Context, type Span as OtelSpan, type Tracer as OtelTracer } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import { platformVersion } from '../module/version.ts';
import type { Logger } from './log.ts';
import type { MetricSource } from './metrics.ts';
import { metricProducer } from './otlp-metrics.ts';
import type { OtlpOptions } from './otlp-options.ts';
import type { Attributes, Span, SpanOptions, Tracer } from './span.ts';
import { TokenBucket } from './token-bucket.ts';
import { continueTrace, type TraceContext } from './trace-context.ts';

/** What sends spans and metrics to a collector. */
export interface Otlp {
  tracer: Tracer;
  /** Sends what is left, for two seconds at most. */
  stop(): Promise<void>;
}

const kinds = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };
const stopMilliseconds = 2000;

/**
 * Sends spans and metrics to a collector by OTLP over HTTP. A collector that can not be reached costs nothing but
 * what it misses: a bounded queue drops, and the log tells it once.
 */
export function startOtlp(options: OtlpOptions, deployment: string, read: MetricSource, log: Logger): Otlp {
  const resource = resourceFromAttributes({ 'service.name': options.serviceName ?? 'mainstay', 'service.version': platformVersion, 'service.instance.id': `${process.pid}`, 'deployment.environment.name': deployment });
  const told = failureTeller(log);
  const { headers, timeoutMilliseconds: timeoutMillis } = options;
  const ends: { shutdown(): Promise<void> }[] = [];
  if (options.metricsUrl) ends.push(meterProvider(resource, told(new OTLPMetricExporter({ url: options.metricsUrl, headers, timeoutMillis })), read, options));
  const provider = options.tracesUrl ? tracerProvider(resource, told(new OTLPTraceExporter({ url: options.tracesUrl, headers, timeoutMillis })), options) : undefined;
  if (provider) ends.push(provider);
  return {
    tracer: new SamplingTracer(provider?.getTracer('mainstay', platformVersion), options),
    stop: async () => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, stopMilliseconds);
      await Promise.race([Promise.allSettled(ends.map((end) => end.shutdown())), late.promise]);
      clearTimeout(timer);
    },
  };
}

// It decides itself what is kept: what is not must cost next to nothing.
const tracerProvider = (resource: Resource, exporter: SpanExporter, { intervalMilliseconds, timeoutMilliseconds }: OtlpOptions): TracerProvider =>
  new TracerProvider({ resource, sampler: new AlwaysOnSampler(), spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: 4096, maxExportBatchSize: 512, scheduledDelayMillis: Math.min(5000, intervalMilliseconds), exportTimeoutMillis: timeoutMilliseconds })] });

const meterProvider = (resource: Resource, exporter: PushMetricExporter, read: MetricSource, { intervalMilliseconds, timeoutMilliseconds }: OtlpOptions): MeterProvider =>
  new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: intervalMilliseconds, exportTimeoutMillis: Math.min(timeoutMilliseconds, intervalMilliseconds), metricProducers: [metricProducer(read)] })] });

/** Watches exporters: of a row of failures, whichever they are of, the first is told, and its end. */
function failureTeller(log: Logger): <E extends SpanExporter | PushMetricExporter>(exporter: E) => E {
  let failing = false;
  return (exporter) => {
    const send = exporter.export.bind(exporter) as (batch: unknown, done: (result: { code: number; error?: Error }) => void) => void;
    exporter.export = ((batch: unknown, done: (result: { code: number; error?: Error }) => void) => send(batch, (result) => {
      const failed = result.code !== 0;
      if (failed && !failing) log.warn({ err: result.error }, 'the collector of spans and metrics does not take them: they are dropped until it does');
      if (!failed && failing) log.info('the collector of spans and metrics takes them again');
      failing = failed;
      done(result);
    })) as never;
    return exporter;
  };
}

/** Keeps what its caller keeps, and of new traces the given part (W3C trace context, flag `sampled`), as long as they are not too many. */
class SamplingTracer implements Tracer {
  readonly #tracer: OtelTracer | undefined;
  readonly #ratio: number;
  readonly #traces: TokenBucket;

  constructor(tracer: OtelTracer | undefined, { sampling, tracesPerSecond }: OtlpOptions) {
    this.#tracer = tracer;
    this.#ratio = sampling;
    this.#traces = new TokenBucket(tracesPerSecond);
  }

  start(name: string, options: SpanOptions): Span {
    const { parent } = options;
    const sampled = parent ? parent.sampled : Math.random() < this.#ratio;
    if (!sampled || !this.#tracer) return new UnkeptSpan(parent);
    // What belongs to a trace of our own follows its beginning.
    const begins = options.kind === 'server' || !parent;
    if (begins && !this.#traces.take()) return new UnkeptSpan(parent && { ...parent, sampled: false });
    return new KeptSpan(this.#tracer, name, parent ? trace.setSpanContext(ROOT_CONTEXT, spanContext(parent)) : ROOT_CONTEXT, options);
  }
}

/** A span that nobody keeps: only a place in its trace, found when asked for. */
class UnkeptSpan implements Span {
  readonly recording = false;
  readonly #parent: TraceContext | undefined;
  #context: TraceContext | undefined;

  constructor(parent: TraceContext | undefined) {
    this.#parent = parent;
  }

  get context(): TraceContext {
    return (this.#context ??= continueTrace(this.#parent));
  }

  child(): Span {
    return this;
  }

  set(): void {}
  end(): void {}
}

class KeptSpan implements Span {
  readonly recording = true;
  readonly context: TraceContext;
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;

  constructor(tracer: OtelTracer, name: string, parent: Context, { kind = 'internal', link, attributes = {} }: SpanOptions) {
    this.#tracer = tracer;
    this.#span = tracer.startSpan(name, { kind: kinds[kind], attributes: attributes as never, ...(link && { links: [{ context: spanContext(link) }] }) }, parent);
    const { traceId, spanId, traceState } = this.#span.spanContext();
    const state = traceState?.serialize();
    this.context = { traceId, spanId, sampled: true, ...(state && { state }) };
  }

  child(name: string, options: Pick<SpanOptions, 'kind' | 'attributes'> = {}): Span {
    return new KeptSpan(this.#tracer, name, trace.setSpan(ROOT_CONTEXT, this.#span), options);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes as never);
  }

  end(failed?: string): void {
    // What ends in two ways, such as a transaction, ended in the first.
    if (!this.#span.isRecording()) return;
    if (failed !== undefined) this.#span.setAttribute('error.type', failed).setStatus({ code: SpanStatusCode.ERROR, message: failed });
    this.#span.end();
  }
}

function spanContext({ traceId, spanId, sampled, state }: TraceContext) {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true, ...(state && { traceState: createTraceState(state) }) };
}
