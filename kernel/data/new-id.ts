import { randomBytes, randomUUIDv7 } from 'node:crypto';

/** A new id, UUID version 7 (RFC 9562): ids made later sort behind those of earlier milliseconds. */
export const newId: () => string = randomUUIDv7 ?? ownId;

// Node has it since version 26.
function ownId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
