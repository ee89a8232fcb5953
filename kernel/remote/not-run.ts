/**
 * Says, on an answer, that nothing of the call ran, so that whatever it is may be made again. It holds for one hop and is
 * never passed on: whoever made the failed call may have done other things before.
 */
export const notRunHeader = 'mainstay-not-run';

const notRun = new WeakSet<object>();

/** Remembers of an error that the call which it ended did not run. */
export function markNotRun<E extends object>(error: E): E {
  notRun.add(error);
  return error;
}

/** Whether the call that this error ended surely did not run; otherwise it may have. */
export const didNotRun = (error: unknown): boolean => typeof error === 'object' && error !== null && notRun.has(error);
