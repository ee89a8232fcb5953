/**
 * Gives the messages of a stream for as long as its caller may have them: `onLoss` hears when that ends, and then so does
 * the stream, with the error, also while it waits for a message.
 */
export async function* untilLost<T>(messages: AsyncGenerator<T>, onLoss: ((lost: (error: Error) => void) => (() => void) | undefined) | undefined): AsyncGenerator<T> {
  if (!onLoss) return yield* messages;
  let loss: Error | undefined;
  let giveUp: (error: Error) => void = () => {};
  const stop = onLoss((error) => {
    loss ??= error;
    giveUp(loss);
  });
  try {
    for (;;) {
      if (loss) throw loss;
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        giveUp = reject;
        messages.next().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    stop?.();
    // A handler that waits hears of the end by its signal; to wait for it here could be for ever.
    const returned = messages.return(undefined).catch(() => {});
    if (!loss) await returned;
  }
}
