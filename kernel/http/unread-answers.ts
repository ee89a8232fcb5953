/** A connection that answers wait on. */
export interface Reader {
  /** Bytes of answers that its client has not taken yet. */
  unreadBytes(): number;
  cut(): void;
}

const lookEveryMs = 250;

/**
 * Keeps what clients have asked for and do not read from filling the memory: while more than `mostBytes` wait in all,
 * the connection that most of it waits on is cut. Gives back what ends the watch.
 */
export function boundUnreadAnswers(readers: () => Iterable<Reader>, mostBytes: number): () => void {
  const timer = setInterval(() => cutSlowest(readers(), mostBytes), lookEveryMs).unref();
  return () => clearInterval(timer);
}

function cutSlowest(readers: Iterable<Reader>, mostBytes: number): void {
  let total = 0;
  const waiting: { reader: Reader; bytes: number }[] = [];
  for (const reader of readers) {
    const bytes = reader.unreadBytes();
    if (bytes > 0) waiting.push({ reader, bytes });
    total += bytes;
  }
  if (total <= mostBytes) return;
  for (const { reader, bytes } of waiting.sort((a, b) => b.bytes - a.bytes)) {
    if (total <= mostBytes) return;
    reader.cut();
    total -= bytes;
  }
}
