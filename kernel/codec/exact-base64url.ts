/**
 * The bytes of a text in base64url without padding (RFC 4648, section 5); nothing if another text stands for the same bytes. Of many lengths
 * the last character has bits to spare, which decoders leave alone: a token could be changed there, and would still hold.
 */
export function exactBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
