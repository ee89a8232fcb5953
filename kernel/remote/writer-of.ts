import type { DescMessage, Message } from '@bufbuild/protobuf';
import { codecOf } from '../codec/codec-of.ts';
import { copierOf } from '../codec/copy-message.ts';

/** Writes a message, or what one is made of. */
export function writerOf(desc: DescMessage): (message: object) => Uint8Array<ArrayBuffer> {
  const [codec, copy] = [codecOf(desc), copierOf(desc)];
  return (message) => {
    if ('$typeName' in message) {
      try {
        return codec.toBinary(message as Message);
      } catch {
        // The copy says what is wrong with it, or makes it whole.
      }
    }
    return codec.toBinary(copy(message as never));
  };
}
