import type { ExchangedPromise } from './exchanged-promise.ts';

/** Writes promises as `{"promises": [...]}`, one a line, with the names that REST uses; read back, nothing is lost. */
export async function* writeJson(promises: AsyncIterable<ExchangedPromise>): AsyncGenerator<string> {
  let between = '{"promises": [\n';
  for await (const promise of promises) {
    yield `${between}${JSON.stringify(written(promise))}`;
    between = ',\n';
  }
  yield between.startsWith('{') ? '{"promises": []}\n' : '\n]}\n';
}

function written({ sourceKey, promisee, state, settledAt, ...rest }: ExchangedPromise) {
  return {
    ...(sourceKey.startsWith('uid:') && { id: sourceKey.slice(4) }),
    ...rest,
    state,
    ...(promisee && { promisee: { ...(!promisee.accountId && !promisee.contactId && { name: promisee.name }), accountId: promisee.accountId, contactId: promisee.contactId, email: promisee.email, displayName: promisee.name } }),
    ...(state === 'FULFILLED' && { fulfilledAt: settledAt }),
    ...(state === 'FAILED' && { failedAt: settledAt }),
  };
}
