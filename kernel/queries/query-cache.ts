/** What an answer is kept under, and what it was made of. */
export interface CachedQuery {
  /** Names the query in its module. */
  name: string;
  /** Everything that the answer depends on besides the org: the request's fields, and the person where it is not the same for all. */
  by: unknown;
  /** The ids of what the answer tells of, known before it is read; also of what is not there yet. */
  reads: readonly string[];
}

interface Entry {
  key: string;
  reads: readonly string[];
  answer: Promise<unknown>;
  until: number;
}

const MOST_ENTRIES = 10_000;
/** What is changed by another process, or by hand, is seen after this time. */
const LONGEST_MILLISECONDS = 2000;

/**
 * Answers of queries of one module in this process. Each names what it reads; a committed transaction drops the answers
 * that tell of what it changed, also those that are just being read: whoever asks after a command was acknowledged never
 * sees what was before it.
 */
export class QueryCache {
  readonly #entries = new Map<string, Entry>();
  readonly #byId = new Map<string, Set<Entry>>();

  /** The answer kept for this query in this org, or the one that `read` gives; several who ask at once share one. Nobody may change it. */
  get<R>(orgId: string | undefined, { name, by, reads }: CachedQuery, read: () => Promise<R>): Promise<R> {
    const key = JSON.stringify([orgId, name, by]);
    const found = this.#entries.get(key);
    // Whoever reads it may have given up.
    if (found && found.until > performance.now()) return (found.answer as Promise<R>).catch(read);
    if (found) this.#remove(found);
    const answer = read();
    const entry: Entry = { key, reads, answer, until: performance.now() + LONGEST_MILLISECONDS };
    this.#add(entry);
    answer.catch(() => this.#remove(entry));
    return answer;
  }

  /** Drops every answer that tells of one of these. */
  drop(ids: Iterable<string>): void {
    for (const id of ids) for (const entry of this.#byId.get(id) ?? []) this.#remove(entry);
  }

  #add(entry: Entry): void {
    if (this.#entries.size >= MOST_ENTRIES) this.#remove(this.#entries.values().next().value!);
    this.#entries.set(entry.key, entry);
    for (const id of entry.reads) {
      const entries = this.#byId.get(id);
      if (entries) entries.add(entry);
      else this.#byId.set(id, new Set([entry]));
    }
  }

  #remove(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    for (const id of entry.reads) {
      const entries = this.#byId.get(id);
      if (entries?.delete(entry) && entries.size === 0) this.#byId.delete(id);
    }
  }
}
