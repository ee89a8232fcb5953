import { ProviderFailed } from '../departure.ts';

/** Does what a provider has a part in: what fails then is its failure, in words without a secret. */
export async function orFailed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ProviderFailed ? error : new ProviderFailed(reasonFor(error));
  }
}

/** The library's own words, its code and those of an outer failure; never what the provider sent, which may hold tokens. */
function reasonFor(error: unknown): string {
  const { name, message, code, error: answered, cause } = error as { name?: string; message?: string; code?: unknown; error?: unknown; cause?: unknown };
  const inner = cause instanceof Error && cause.name === 'OutsideFailed' ? cause.message : undefined;
  return [message ?? name ?? 'unknown', code, typeof answered === 'string' ? answered.slice(0, 100) : undefined, inner].filter((part) => typeof part === 'string').join(': ');
}
