import { clone, create, type Message } from '@bufbuild/protobuf';
import type { Transport, UnaryResponse } from '@connectrpc/connect';
import { nameOf } from '../commands/command-record.ts';
import { decodePageToken, encodePageToken } from '../data/page-token.ts';
import { compareCursors } from './compare-cursors.ts';
import { askedOf, send, type GatheredCall } from './gathered-call.ts';
import { decode, encode, gatheredHeader, gatherHeader, type AskedPart, type FoundPart, type OrderedBy } from './gathering.ts';
import type { ListShape } from './list-shape.ts';

const DEFAULT_SIZE = 50;
const LARGEST_SIZE = 1000;
/** Rows that a shard is asked for at a time: of so many it can tell by what they are ordered. */
const PART = 100;

type Cursor = FoundPart['cursors'][number];
type Fields = Record<string, unknown>;

/**
 * A page of a list of which every shard has a part, as one database with all rows would give it: merged by the order that
 * each shard tells of its rows. A page token holds the last row's place in that order, so it is good for every shard, and
 * stays good when orgs move between them.
 */
export async function gatherList(call: GatheredCall, list: ListShape, shards: readonly Transport[], secret: string): Promise<UnaryResponse> {
  const { pageSize, pageToken, countTotal } = list;
  const request = call.message as unknown as Fields;
  const size = Math.min((request[pageSize.localName] as number) || DEFAULT_SIZE, LARGEST_SIZE);
  const position = { list: `all shards ${nameOf(call.method)}`, query: askedOf(call, [pageSize, pageToken, ...(countTotal ? [countTotal] : [])]) };
  const token = request[pageToken.localName] as string;
  const after = token ? (decodePageToken(secret, token, position) as unknown as Cursor) : undefined;
  const parts = shards.map((shard) => new Part(shard, call, list, after));
  const first = await Promise.all(parts.map((part) => part.read(size + 1)));
  const merged = await merge(parts, size + 1);
  const answer = create(call.method.output) as Message & Fields;
  // What belongs to no row, all shards say alike.
  for (const [name, value] of Object.entries(first[0]!.message)) if (!name.startsWith('$')) (answer as Fields)[name] = value;
  for (const { localName } of list.numbers) (answer as Fields)[localName] = first.map(({ message }) => (message as unknown as Fields)[localName] as number).reduce((sum, one) => sum + one);
  (answer as Fields)[list.rows.localName] = merged.slice(0, size).map(({ row }) => row);
  (answer as Fields)[list.nextPageToken.localName] = merged.length > size ? encodePageToken(secret, { ...position, cursor: merged[size - 1]!.cursor }) : '';
  const header = new Headers(first[0]!.header);
  header.delete(gatheredHeader);
  return { ...first[0]!, header, message: answer } as UnaryResponse;
}

interface Row {
  row: unknown;
  cursor: Cursor;
}

async function merge(parts: readonly Part[], count: number): Promise<Row[]> {
  const order = parts.find((part) => part.order.length > 0)?.order ?? [];
  const compare = compareCursors(order);
  const merged: Row[] = [];
  while (merged.length < count) {
    for (const part of parts) if (!part.head && part.more) await part.read(count - merged.length);
    const [first] = parts.filter(({ head }) => head).sort((one, other) => compare(one.head!.cursor, other.head!.cursor));
    if (!first) break;
    const next = first.take();
    // A row whose slot changes hands at this moment may be seen by both.
    const last = merged.at(-1);
    if (!last || compare(last.cursor, next.cursor) !== 0) merged.push(next);
  }
  return merged;
}

/** The rows of one shard, read as far as they are needed. */
class Part {
  order: readonly OrderedBy[] = [];
  more = true;
  readonly #shard: Transport;
  readonly #call: GatheredCall;
  readonly #list: ListShape;
  #after: Cursor | undefined;
  #isFirst = true;
  #rows: Row[] = [];

  constructor(shard: Transport, call: GatheredCall, list: ListShape, after: Cursor | undefined) {
    this.#shard = shard;
    this.#call = call;
    this.#list = list;
    this.#after = after;
  }

  get head(): Row | undefined {
    return this.#rows[0];
  }

  take(): Row {
    return this.#rows.shift()!;
  }

  async read(count: number): Promise<UnaryResponse> {
    const { pageSize, pageToken, countTotal, rows } = this.#list;
    const { method, message } = this.#call;
    const request = clone(method.input, message) as Message & Fields;
    (request as Fields)[pageSize.localName] = Math.min(count, PART);
    (request as Fields)[pageToken.localName] = '';
    if (countTotal && !this.#isFirst) (request as Fields)[countTotal.localName] = false;
    this.#isFirst = false;
    const header = new Headers(this.#call.header);
    header.set(gatherHeader, encode({ ...(this.#after && { after: this.#after }) } satisfies AskedPart));
    const answer = await send(this.#shard, { ...this.#call, header, message: request });
    this.#keep((answer.message as unknown as Fields)[rows.localName] as unknown[], answer.header.get(gatheredHeader));
    return answer;
  }

  #keep(found: readonly unknown[], told: string | null): void {
    const { order, cursors, rows, more } = told === null ? { order: [], cursors: [], rows: 0, more: false } : decode<FoundPart>(told);
    if (rows !== found.length) throw new Error(`${nameOf(this.#call.method)} lists ${found.length} things where it read ${rows} rows: only lists that give what they read can be gathered from shards`);
    this.order = order;
    this.more = more;
    this.#after = cursors.at(-1) ?? this.#after;
    this.#rows.push(...cursors.map((cursor, at) => ({ row: found[at], cursor })));
  }
}
