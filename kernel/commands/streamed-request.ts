import { createHash } from 'node:crypto';
import { toBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { sizeDelimitedEncode } from '@bufbuild/protobuf/wire';
import type { HttpBody } from '@mainstay/kernel/contract/google/api/httpbody_pb.js';

const nothing = new Uint8Array();

/**
 * What a streamed request says, for comparing it with another. Of a content (`google.api.HttpBody`) the bytes count and not
 * the pieces that they came in, since the same content may be cut otherwise when it is sent again.
 */
export class StreamedRequest {
  readonly #schema: DescMessage;
  readonly #contentField: string | undefined;
  readonly #content = createHash('sha256');
  readonly #rest = createHash('sha256');
  #bytes = 0;
  #isWhole = false;

  constructor(schema: DescMessage) {
    this.#schema = schema;
    this.#contentField = schema.fields.find(({ message }) => message?.typeName === 'google.api.HttpBody')?.localName;
  }

  /** How much was read, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It was read to its end. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Passes messages on, and keeps in mind what they say. */
  async *passed(messages: AsyncIterable<Message>): AsyncGenerator<Message> {
    for await (const message of messages) {
      this.#add(message);
      yield message;
    }
    this.#isWhole = true;
  }

  /** SHA-256 of all that was read; ends it. */
  digest(): Buffer {
    return createHash('sha256').update(this.#rest.digest()).update(this.#content.digest()).digest();
  }

  #add(message: Message): void {
    const content = this.#contentField && (message as unknown as Record<string, HttpBody | undefined>)[this.#contentField];
    if (content) {
      this.#content.update(content.data);
      this.#bytes += content.data.length;
    }
    const rest = content ? { ...message, [this.#contentField!]: isBare(content) ? undefined : { ...content, data: nothing } } : message;
    if (toBinary(this.#schema, rest).length === 0) return;
    const written = sizeDelimitedEncode(this.#schema, rest);
    this.#rest.update(written);
    this.#bytes += written.length;
  }
}

const isBare = ({ contentType, extensions }: HttpBody): boolean => contentType === '' && extensions.length === 0;
