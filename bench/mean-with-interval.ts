/**
 * The geometric mean of ratios, and the interval that holds it with 95 %, by the bootstrap: 10,000 means of as many values
 * drawn from these at random (Efron, 1979).
 */
export function meanWithInterval(ratios: readonly number[]): { mean: number; low: number; high: number } {
  const logs = ratios.map(Math.log);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const means = Array.from({ length: 10_000 }, () => mean(logs.map(() => logs[Math.floor(Math.random() * logs.length)]!))).sort((a, b) => a - b);
  return { mean: Math.exp(mean(logs)), low: Math.exp(means[250]!), high: Math.exp(means[9750]!) };
}
