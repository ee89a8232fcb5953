import type { HandlerContext } from '@connectrpc/connect';

/** Asks a shard for its part of a list; only processes of the deployment are heard. Base64url of JSON, an `AskedPart`. */
export const gatherHeader = 'mainstay-gather';
/** What tells of the rows of that part. Base64url of JSON, a `FoundPart`. */
export const gatheredHeader = 'mainstay-gathered';

/** Which part of a list a shard is asked for. */
export interface AskedPart {
  /** The values of the last row before it, of the columns that the list is ordered by. */
  after?: readonly unknown[];
}

/** How a list is ordered by one column: its type in PostgreSQL, and where nulls are. */
export type OrderedBy = readonly [type: string, direction: 'asc' | 'desc'];

/** The part of a list that a shard found. */
export interface FoundPart {
  order: readonly OrderedBy[];
  /** Of each row, as far as there is room: the values that the list is ordered by, as text or null. */
  cursors: readonly (readonly (string | null)[])[];
  /** How many rows the answer has. */
  rows: number;
  /** There are others behind those that are told of. */
  more: boolean;
}

/** Headers of an answer have about 16 KiB in all. */
const ROOM = 9000;

/** One shard's part in answering a list over all orgs. */
export class Gathering {
  readonly after: readonly unknown[] | undefined;
  readonly #context: HandlerContext;
  #told = false;

  constructor(asked: AskedPart, context: HandlerContext) {
    this.after = asked.after;
    this.#context = context;
  }

  /** Tells of the rows of the answer; of the first list only, if a handler reads several. */
  found(order: readonly OrderedBy[], rows: FoundPart['cursors'], more: boolean): void {
    if (this.#told) return;
    this.#told = true;
    let room = ROOM;
    const cursors = rows.filter((row, at) => (room -= Buffer.byteLength(JSON.stringify(row)) + 1) >= 0 || at === 0);
    this.#context.responseHeader.set(gatheredHeader, encode({ order, cursors, rows: rows.length, more: more || cursors.length < rows.length } satisfies FoundPart));
  }
}

/** What a call that another process makes for all shards is asked; nothing if it is a usual one. */
export function gatheringOf(context: HandlerContext): Gathering | undefined {
  const asked = context.requestHeader.get(gatherHeader);
  return asked === null ? undefined : new Gathering(decode<AskedPart>(asked), context);
}

export const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
export const decode = <T>(text: string): T => JSON.parse(Buffer.from(text, 'base64url').toString()) as T;
