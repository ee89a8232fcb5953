import { z } from 'zod';

/** The section `operators` of a deployment file. */
export const operatorsSection = z.union([
  z.literal('off').describe('No such address.'),
  z.strictObject({
    host: z.string().min(1).max(253).default('localhost').describe('The interface to listen on. Who reaches it sees how the deployment fares, without signing in.'),
    port: z.int().min(0).max(65535).optional().describe('Its port; if absent the one after that of http, or any free one where --port moves that. 0 takes any free one.'),
  }),
]);

/** The section `telemetry` of a deployment file. */
export const telemetrySection = z.strictObject({
  requestLog: z.enum(['errors', 'all', 'none']).default('errors').describe('Which requests get a line in the log: those that failed by our fault or took over a second, all, or none.'),
  calls: z.boolean().default(true).describe('Whether calls are counted and followed. Without it /metrics tells of the process alone, and a call takes a little less.'),
  otlp: z.strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).optional().describe('The collector to send spans and metrics to, such as http://localhost:4318; headers come from OTEL_EXPORTER_OTLP_HEADERS. OTEL_EXPORTER_OTLP_ENDPOINT if absent; nothing is sent if neither is set.'),
    sampling: z.number().min(0).max(1).optional().describe('The part of new traces that is kept, 0.1 if absent; a caller that keeps its part of a trace decides for ours.'),
    tracesPerSecond: z.int().min(1).max(100_000).optional().describe('How many traces are kept in a second at most, 100 if absent, whoever wants them: a kept one costs as much as a call.'),
  }).optional().describe('Where spans and metrics go, by OTLP over HTTP.'),
});

/** The address that is for operators alone; if it has no port of its own, the one after that of `http`. */
export type OperatorsSettings = Exclude<z.infer<typeof operatorsSection>, 'off'>;

/** What is told of the requests, and to whom. */
export type TelemetrySettings = z.infer<typeof telemetrySection>;

/** What is observed of the requests; looked at for each. */
export type Observed = Pick<TelemetrySettings, 'calls' | 'requestLog'>;

export const observedByDefault: Readonly<Observed> = { calls: true, requestLog: 'errors' };
