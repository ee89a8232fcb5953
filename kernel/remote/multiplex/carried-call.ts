import type { RawResponse } from '../response-reader.ts';
import { StreamState } from './stream-state.ts';

/** A call that many share a connection with, and what is told of it: one of the two, once. */
export interface SharedExchange {
  /** Such as `/mainstay.promist.v1.PromisesService/GetPromise`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Set while a connection carries it. */
  carried?: CarriedCall | undefined;
  answered(response: RawResponse): void;
  /** `sent` tells whether the peer may have begun it. */
  failed(error: Error, sent: boolean): void;
}

/** The connection that carries a call. */
export interface Carrier {
  /** Nobody waits for the answer any more; `isLate` if that is for its deadline. */
  abandon(call: CarriedCall, isLate: boolean): void;
}

/** A call on a connection. */
export class CarriedCall extends StreamState {
  readonly exchange: SharedExchange;
  readonly end: Carrier;
  /** How often the connection had heard of its peer when it began. */
  readonly heardBefore: number;
  /** Of the answer; 0 until its head has come. */
  status = 0;
  contentType = '';
  /** The answer's other headers, a line each. */
  head = '';

  constructor(id: number, exchange: SharedExchange, end: Carrier, heardBefore: number) {
    super(id);
    this.exchange = exchange;
    this.end = end;
    this.heardBefore = heardBefore;
  }

  /** Takes the head of the answer from a block of headers; gives whether that tells a status. */
  readHead(list: readonly string[]): boolean {
    if (list[0] !== ':status' || !/^[1-5]\d\d$/.test(list[1]!)) return false;
    this.status = Number(list[1]);
    for (let at = 2; at < list.length; at += 2) {
      if (list[at] === 'content-type') this.contentType = list[at + 1]!;
      else this.head += `\r\n${list[at]!}: ${list[at + 1]!}`;
    }
    return true;
  }
}
