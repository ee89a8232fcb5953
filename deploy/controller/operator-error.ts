/** What keeps a command from being done, said to the person who gave it: shown without a stack. */
export class OperatorError extends Error {
  override name = 'OperatorError';
}
