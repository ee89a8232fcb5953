import { StartError } from '../module/start-error.ts';
import type { TelemetrySettings } from './telemetry-config.ts';

/** Where spans and metrics go, and how many. */
export interface OtlpOptions {
  /** No spans are sent if absent. */
  tracesUrl?: string;
  /** No metrics are sent if absent. */
  metricsUrl?: string;
  headers: Record<string, string>;
  /** The part of new traces that is kept, from 0 to 1. */
  sampling: number;
  /** How many traces are kept in a second at most. */
  tracesPerSecond: number;
  /** How often metrics are sent. */
  intervalMilliseconds: number;
  timeoutMilliseconds: number;
  serviceName?: string;
}

/**
 * Where to send spans and metrics: what the deployment's file says, else the standard variables of OpenTelemetry.
 * Nothing unless one of them names a collector. Headers, which may hold secrets, come from the environment alone.
 */
export function otlpOptions({ otlp }: Partial<TelemetrySettings>, environment: NodeJS.ProcessEnv): OtlpOptions | undefined {
  if (environment.OTEL_SDK_DISABLED === 'true') return undefined;
  const base = otlp?.endpoint ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  const tracesUrl = otlp?.endpoint ? signalUrl(base!, 'traces') : environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && signalUrl(base, 'traces'));
  const metricsUrl = otlp?.endpoint ? signalUrl(base!, 'metrics') : environment.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? (base && signalUrl(base, 'metrics'));
  if (!tracesUrl && !metricsUrl) return undefined;
  for (const url of [tracesUrl, metricsUrl]) if (url && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new StartError([`the collector's address "${withoutUser(url)}" must start with http:// or https://; correct telemetry.otlp.endpoint or OTEL_EXPORTER_OTLP_ENDPOINT`]);
  return {
    ...(tracesUrl && { tracesUrl }),
    ...(metricsUrl && { metricsUrl }),
    headers: headersOf(environment.OTEL_EXPORTER_OTLP_HEADERS),
    sampling: otlp?.sampling ?? numberOf(environment, 'OTEL_TRACES_SAMPLER_ARG', 0, 1) ?? 0.1,
    tracesPerSecond: otlp?.tracesPerSecond ?? 100,
    intervalMilliseconds: numberOf(environment, 'OTEL_METRIC_EXPORT_INTERVAL', 100, 3_600_000) ?? 60_000,
    timeoutMilliseconds: numberOf(environment, 'OTEL_EXPORTER_OTLP_TIMEOUT', 100, 60_000) ?? 10_000,
    ...(environment.OTEL_SERVICE_NAME && { serviceName: environment.OTEL_SERVICE_NAME }),
  };
}

const signalUrl = (base: string, signal: string): string => `${base.replace(/\/+$/, '')}/v1/${signal}`;
const withoutUser = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');

/** `name=value,name=value`, values percent-encoded, as OpenTelemetry's specification writes them. */
function headersOf(text = ''): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '').map((pair) => /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(pair));
  if (pairs.includes(null)) throw new StartError(['OTEL_EXPORTER_OTLP_HEADERS is not valid; write it as name=value,name=value']);
  return Object.fromEntries(pairs.map((pair) => [pair![1]!.toLowerCase(), decode(pair![2]!)]));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function numberOf(environment: NodeJS.ProcessEnv, name: string, least: number, most: number): number | undefined {
  const text = environment[name];
  if (!text) return undefined;
  const value = Number(text);
  if (!(value >= least && value <= most)) throw new StartError([`${name} is "${text}"; it must be a number from ${least} to ${most}`]);
  return value;
}
