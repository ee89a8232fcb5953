import type { Labels, MetricFamily } from './metrics.ts';

export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';
export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const units: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes', '1': '_ratio' };

/** Metrics as Prometheus scrapes them: the text format 0.0.4, or OpenMetrics 1.0. */
export function prometheusText(families: readonly MetricFamily[], { openMetrics = false } = {}): string {
  const blocks = families.filter(({ samples }) => samples.length > 0).map((family) => block(family, openMetrics));
  return blocks.join('') + (openMetrics ? '# EOF\n' : '');
}

/** The name of a family as Prometheus has it, without the suffix of its samples. */
const prometheusName = ({ name, unit }: Pick<MetricFamily, 'name' | 'unit'>): string => {
  const base = name.replaceAll(/[^a-zA-Z0-9_]/g, '_');
  const suffix = units[unit] ?? '';
  return base.endsWith(suffix) ? base : base + suffix;
};

function block(family: MetricFamily, openMetrics: boolean): string {
  const name = prometheusName(family);
  const suffix = family.type === 'counter' ? '_total' : '';
  const about = openMetrics ? name : name + suffix;
  const lines = family.type === 'histogram'
    ? family.samples.flatMap(({ labels, counts, sum }) => histogramLines(name, labels, family.bounds, counts, sum))
    : family.samples.map(({ labels, value }) => line(name + suffix, labels, value));
  return `# HELP ${about} ${escapeHelp(family.help, openMetrics)}\n# TYPE ${about} ${family.type}\n${lines.join('')}`;
}

function histogramLines(name: string, labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number): string[] {
  let total = 0;
  const buckets = counts.map((count, index) => line(`${name}_bucket`, { ...labels, le: index < bounds.length ? number(bounds[index]!) : '+Inf' }, (total += count)));
  return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key.replaceAll('.', '_')}="${escapeLabel(text)}"`).join(',');
  return `${name}${pairs && `{${pairs}}`} ${number(value)}\n`;
}

const number = (value: number): string => (Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf');
const escapeLabel = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
const escapeHelp = (text: string, openMetrics: boolean): string => (openMetrics ? escapeLabel(text) : text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n'));
