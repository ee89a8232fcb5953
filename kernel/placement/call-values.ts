import { createContextValues, type ContextKey, type ContextValues } from '@connectrpc/connect';
import { callKey, peerKey, type Call, type Peer } from '../guard/call.ts';

/** The values of a call, with those that cross from its caller at hand: every call makes them, and hardly any adds others. */
export class CallValues implements ContextValues {
  #call: Call | undefined;
  #peer: Peer | undefined;
  #others: ContextValues | undefined;

  constructor(call: Call | undefined, peer?: Peer) {
    this.#call = call;
    this.#peer = peer;
  }

  get<T>(key: ContextKey<T>): T {
    if (isKey(key, callKey)) return this.#call as T;
    if (isKey(key, peerKey)) return this.#peer as T;
    return this.#others ? this.#others.get(key) : key.defaultValue;
  }

  set<T>(key: ContextKey<T>, value: T): this {
    if (isKey(key, callKey)) this.#call = value as Call | undefined;
    else if (isKey(key, peerKey)) this.#peer = value as Peer | undefined;
    else (this.#others ??= createContextValues()).set(key, value);
    return this;
  }

  delete(key: ContextKey<unknown>): this {
    return this.set(key, key.defaultValue);
  }
}

const isKey = (key: ContextKey<any>, known: ContextKey<any>): boolean => key === known;
