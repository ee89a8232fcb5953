import { ValueType, type HrTime } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type DataPoint, type Histogram, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics';
import { platformVersion } from '../module/version.ts';
import type { HistogramSample, MetricFamily, MetricSource, Sample } from './metrics.ts';

/** Hands metrics that are kept elsewhere to OpenTelemetry's reader: cumulative, since the start of the process. */
export function metricProducer(read: MetricSource): MetricProducer {
  const startTime = hrTime(performance.timeOrigin);
  return {
    async collect() {
      const endTime = hrTime(Date.now());
      const metrics = (await read()).filter(({ samples }) => samples.length > 0).map((family) => metricData(family, { startTime, endTime }));
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: 'mainstay', version: platformVersion }, metrics }] }, errors: [] };
    },
  };
}

interface Times {
  startTime: HrTime;
  endTime: HrTime;
}

function metricData(family: MetricFamily, times: Times): MetricData {
  const { name, help, unit } = family;
  const common = { descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE }, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  if (family.type === 'histogram') return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: family.samples.map((sample) => histogramPoint(sample, family.bounds, times)) };
  const dataPoints = family.samples.map(({ labels, value }: Sample): DataPoint<number> => ({ ...times, attributes: labels, value }));
  return family.type === 'counter' ? { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints } : { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
}

function histogramPoint({ labels, counts, sum }: HistogramSample, bounds: readonly number[], times: Times): DataPoint<Histogram> {
  const count = counts.reduce((total, one) => total + one, 0);
  return { ...times, attributes: labels, value: { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count } };
}

const hrTime = (milliseconds: number): HrTime => [Math.floor(milliseconds / 1000), Math.round((milliseconds % 1000) * 1e6)];
