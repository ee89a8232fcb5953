/** Labels of a sample; only values from a bounded set. */
export type Labels = Record<string, string>;

export interface Sample {
  labels: Labels;
  value: number;
}

/** How many observations fell below or on each of its family's bounds and above the one before; the last count is of those above all. */
export interface HistogramSample {
  labels: Labels;
  counts: readonly number[];
  sum: number;
}

interface Described {
  /** As OpenTelemetry writes it, such as `rpc.server.call.duration`; Prometheus gets underscores, the unit and `_total`. */
  name: string;
  help: string;
  /** UCUM: `s`, `By`, or a thing in braces, such as `{call}`. */
  unit: string;
}

/** All samples of one metric. */
export type MetricFamily =
  | (Described & { type: 'counter' | 'gauge'; samples: Sample[] })
  | (Described & { type: 'histogram'; bounds: readonly number[]; samples: HistogramSample[] });

/** Tells how things stand now; asked whenever metrics are read. */
export type MetricSource = () => MetricFamily[] | Promise<MetricFamily[]>;

/** Counts how long things took, in seconds, without making anything at each count. */
export class Durations {
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: Float64Array) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(seconds: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += seconds;
  }

  sample(labels: Labels): HistogramSample {
    return { labels, counts: [...this.counts], sum: this.sum };
  }
}
