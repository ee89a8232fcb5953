/** The smallest value that at least this share of all values does not exceed (nearest rank). */
export const percentile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;

export const median = (values: readonly number[]): number => percentile(values, 0.5);
