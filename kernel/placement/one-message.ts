/** The requests of a streaming call that has only one. */
export async function* oneMessage<T>(message: T): AsyncGenerator<T> {
  yield message;
}
