import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';

export interface ReceivedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  /** 2 is an error. */
  status: number;
}

export interface ReceivedMetric {
  name: string;
  unit: string;
  points: { attributes: Record<string, unknown>; value?: number; count?: number }[];
}

/** A collector that understands OTLP over HTTP, by the published field numbers of its messages. */
export interface OtlpReceiver {
  endpoint: string;
  spans: ReceivedSpan[];
  metrics: ReceivedMetric[];
  resource: Record<string, unknown>;
  headers: IncomingHttpHeaders[];
  /** Answers with this status from now on. */
  answerWith(status: number): void;
  stop(): Promise<void>;
}

// Of opentelemetry/proto, what is looked at.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; int32 code = 3; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6; repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15; }
  message ScopeSpans { repeated Span spans = 2; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message TraceRequest { repeated ResourceSpans resource_spans = 1; }
  message NumberPoint { double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
  message HistogramPoint { fixed64 count = 4; double sum = 5; repeated KeyValue attributes = 9; }
  message Gauge { repeated NumberPoint data_points = 1; }
  message Sum { repeated NumberPoint data_points = 1; }
  message Histogram { repeated HistogramPoint data_points = 1; }
  message Metric { string name = 1; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
`);

interface Pair { key: string; value: { stringValue?: string; boolValue?: boolean; intValue?: { toString(): string }; doubleValue?: number } }

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  let status = 200;
  const received = { spans: [] as ReceivedSpan[], metrics: [] as ReceivedMetric[], resource: {} as Record<string, unknown>, headers: [] as IncomingHttpHeaders[] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      received.headers.push(request.headers);
      if (status === 200) take(request.url!, Buffer.concat(chunks), received);
      response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    ...received,
    get resource() { return received.resource; },
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answerWith: (next) => { status = next; },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function take(path: string, body: Buffer, received: Pick<OtlpReceiver, 'spans' | 'metrics' | 'resource'>): void {
  const decode = (type: string) => root.lookupType(type).decode(body) as never;
  if (path === '/v1/traces') {
    for (const { resource, scopeSpans } of (decode('TraceRequest') as { resourceSpans: { resource: { attributes: Pair[] }; scopeSpans: { spans: never[] }[] }[] }).resourceSpans) {
      Object.assign(received.resource, attributesOf(resource.attributes));
      for (const { spans } of scopeSpans) received.spans.push(...spans.map(spanOf));
    }
  }
  if (path === '/v1/metrics') {
    for (const { scopeMetrics } of (decode('MetricsRequest') as { resourceMetrics: { scopeMetrics: { metrics: never[] }[] }[] }).resourceMetrics) for (const { metrics } of scopeMetrics) received.metrics.push(...metrics.map(metricOf));
  }
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

const attributesOf = (pairs: Pair[]): Record<string, unknown> => Object.fromEntries(pairs.map(({ key, value }) => [key, value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)]));

function spanOf(span: { name: string; kind: number; traceId: Uint8Array; spanId: Uint8Array; parentSpanId: Uint8Array; traceState: string; attributes: Pair[]; links: { traceId: Uint8Array; spanId: Uint8Array }[]; status?: { code: number } }): ReceivedSpan {
  const { name, kind, traceState } = span;
  return {
    name, kind, traceState,
    traceId: hex(span.traceId), spanId: hex(span.spanId), parentSpanId: hex(span.parentSpanId),
    attributes: attributesOf(span.attributes),
    links: span.links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    status: span.status?.code ?? 0,
  };
}

interface Point { attributes: Pair[]; asDouble?: number; asInt?: { toString(): string }; count?: { toString(): string } }

function metricOf({ name, unit, gauge, sum, histogram }: { name: string; unit: string } & Partial<Record<'gauge' | 'sum' | 'histogram', { dataPoints: Point[] }>>): ReceivedMetric {
  const { dataPoints } = gauge ?? sum ?? histogram!;
  return { name, unit, points: dataPoints.map((point) => ({ attributes: attributesOf(point.attributes), ...(histogram ? { count: Number(point.count) } : { value: point.asDouble || Number(point.asInt ?? 0) }) })) };
}
