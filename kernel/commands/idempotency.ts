import { createHmac } from 'node:crypto';
import { hasOption, toBinary, type DescMessage, type DescMethod, type Message } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { typesWithin } from '../codec/types-within.ts';
import { derivedKey, seal, unseal } from '../data/sealing.ts';
import { defineErrors } from '../errors/define-errors.ts';
import type { Call } from '../guard/call.ts';
import { nameOf } from './command-record.ts';

export const idempotencyErrors = defineErrors('kernel', {
  IDEMPOTENCY_KEY_INVALID: ['InvalidArgument', 'an idempotency key has 1 to 255 visible ASCII characters and no spaces; a UUID is a good one'],
  IDEMPOTENCY_KEY_REUSED: ['FailedPrecondition', 'this idempotency key came with another request before; use a new key for each new request'],
  IDEMPOTENCY_ANSWER_LOST: ['Aborted', 'the answer to the first request with this idempotency key can not be read any more; look whether it took effect, and use a new key'],
  ANSWERED_MEANWHILE: ['Aborted', 'another request with this idempotency key was answered meanwhile; send it again to get that answer'],
  STOOD_IN_THE_WAY: ['Aborted', 'another change at the same moment stood in the way; try again'],
});

const hashLength = 32;
const streamLength = 8;

/** Throws `IDEMPOTENCY_KEY_INVALID` for what is no key. */
export function checkKey(key: string): void {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw idempotencyErrors.IDEMPOTENCY_KEY_INVALID();
}

/** Keys and answers as a module keeps them: with what is derived from the deployment's secret, so the rows alone tell nothing. */
export class Idempotency {
  readonly #hashing: Buffer;
  readonly #sealing: Buffer;

  constructor(secret: string) {
    this.#hashing = derivedKey(secret, 'mainstay idempotency keys');
    this.#sealing = derivedKey(secret, 'mainstay idempotency answers');
  }

  /** Names a key of a caller for a method: two callers, orgs or methods may use the same key. */
  nameKey({ principal, clientAddress }: Call, method: DescMethod, key: string): Buffer {
    const who = principal.kind === 'account' ? [principal.accountId, principal.orgId] : principal.kind === 'module' ? [principal.module, principal.orgId ?? ''] : [clientAddress ?? ''];
    return this.#hash(JSON.stringify([principal.kind, ...who, nameOf(method), key]));
  }

  /** Tells requests apart. */
  hashRequest(method: DescMethod, request: Message): Buffer {
    return this.#hash(toBinary(method.input, request));
  }

  /** Tells streamed requests apart, by their digest and their length in bytes, which stands behind the hash. */
  hashStreamed(digest: Uint8Array, bytes: number): Buffer {
    const length = Buffer.alloc(streamLength);
    length.writeBigUInt64BE(BigInt(bytes));
    return Buffer.concat([this.#hash(digest), length]);
  }

  /** The length of the streamed request that a hash is of; nothing if it is of no streamed request. */
  streamedLength(requestHash: Buffer): number | undefined {
    return requestHash.length === hashLength + streamLength ? Number(requestHash.readBigUInt64BE(hashLength)) : undefined;
  }

  /** An answer as it is kept: encrypted (AES-256-GCM) if its type holds anything sensitive. */
  seal(method: DescMethod, answer: Uint8Array, name: Buffer): Uint8Array {
    if (!holdsSensitive(method.output)) return answer;
    return seal(this.#sealing, name, answer);
  }

  /** The answer that was kept. */
  unseal(method: DescMethod, kept: Uint8Array, name: Buffer): Uint8Array {
    if (!holdsSensitive(method.output)) return kept;
    const answer = unseal(this.#sealing, name, kept);
    if (!answer) throw idempotencyErrors.IDEMPOTENCY_ANSWER_LOST();
    return answer;
  }

  #hash(data: string | Uint8Array): Buffer {
    return createHmac('sha256', this.#hashing).update(data).digest();
  }
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message of this type, or one inside of it, has a field that is marked as sensitive. */
function holdsSensitive(schema: DescMessage): boolean {
  let holds = known.get(schema);
  if (holds === undefined) known.set(schema, (holds = [...typesWithin(schema)].some(({ fields }) => fields.some((field) => hasOption(field, sensitive)))));
  return holds;
}
