import type { DescMethod, Message } from '@bufbuild/protobuf';
import { headersIn } from './response-reader.ts';

/** What is between the two ends of a connection, and nothing that a handler said. */
const ofConnection = new Set(['connection', 'content-encoding', 'content-length', 'content-type', 'date', 'keep-alive', 'transfer-encoding', 'mainstay-not-run']);
const TRAILER = 'trailer-';

/** An answer of another process. Its headers and trailers are made when they are asked for: hardly any caller does. */
export class RemoteAnswer {
  readonly stream = false;
  readonly method: DescMethod;
  readonly message: Message;
  readonly #head: string;
  #metadata: Metadata | undefined;

  constructor(method: DescMethod, message: Message, head: string) {
    this.method = method;
    this.message = message;
    this.#head = head;
  }

  get service() {
    return this.method.parent;
  }

  get header() {
    return (this.#metadata ??= metadataOf(this.#head)).header;
  }

  get trailer() {
    return (this.#metadata ??= metadataOf(this.#head)).trailer;
  }
}

interface Metadata {
  header: Headers;
  trailer: Headers;
}

/** What the handler said beside its message: trailers of a unary call travel as headers with a prefix. */
function metadataOf(head: string): Metadata {
  const [header, trailer] = [new Headers(), new Headers()];
  for (const [name, value] of headersIn(head)) {
    if (name.startsWith(TRAILER)) trailer.append(name.slice(TRAILER.length), value);
    else if (!ofConnection.has(name)) header.append(name, value);
  }
  return { header, trailer };
}

/** The same of a failed call, all in one. */
export function errorMetadata(head: string): Headers {
  const { header, trailer } = metadataOf(head);
  trailer.forEach((value, name) => header.append(name, value));
  return header;
}
