import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

interface Options {
  /** Whether it verifies its user, by a fingerprint or PIN say. */
  verifiesUser?: boolean;
  /** Whether it counts how often it signed. */
  counts?: boolean;
  /** Whether its passkeys are brought to other devices. */
  backsUp?: boolean;
}

interface Made {
  id: Buffer;
  privateKey: KeyObject;
  userHandle: string;
  counter: number;
}

type CborValue = number | string | Buffer | Map<number | string, CborValue>;

/** An authenticator of WebAuthn without hardware: makes passkeys (ES256) and proves them, in the JSON of `PublicKeyCredential.toJSON()`. */
export class SoftwareAuthenticator {
  readonly #origin: string;
  readonly #options: Required<Options>;
  readonly made: Made[] = [];

  constructor(origin: string, options: Options = {}) {
    this.#origin = origin;
    this.#options = { verifiesUser: true, counts: true, backsUp: false, ...options };
  }

  /** Makes a passkey, as `navigator.credentials.create()` does; one that lies about being new takes the id of another. */
  create(optionsJson: string, id: Buffer = randomBytes(16)): string {
    const { challenge, rp, user } = JSON.parse(optionsJson) as { challenge: string; rp: { id: string }; user: { id: string } };
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const passkey = { id, privateKey, userHandle: user.id, counter: 0 };
    this.made.push(passkey);
    const { x, y } = publicKey.export({ format: 'jwk' });
    const cose = cbor(new Map<number, CborValue>([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x!, 'base64url')], [-3, Buffer.from(y!, 'base64url')]]));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(passkey.id.length);
    const authData = Buffer.concat([this.#dataFor(rp.id, passkey, 0x40), Buffer.alloc(16), length, passkey.id, cose]);
    const attestationObject = cbor(new Map<string, CborValue>([['fmt', 'none'], ['attStmt', new Map()], ['authData', authData]]));
    return this.#answer(passkey, { clientDataJSON: base64url(this.#clientData('webauthn.create', challenge)), attestationObject: base64url(attestationObject), transports: ['internal'] });
  }

  /** Proves a passkey, as `navigator.credentials.get()` does. `damage` changes what was signed, or the signature, before it is sent. */
  get(optionsJson: string, damage: (parts: { authData: Buffer; signature: Buffer }) => void = () => {}): string {
    const { challenge, rpId, allowCredentials = [] } = JSON.parse(optionsJson) as { challenge: string; rpId: string; allowCredentials?: { id: string }[] };
    const passkey = this.made.find(({ id }) => allowCredentials.length === 0 || allowCredentials.some((allowed) => allowed.id === base64url(id)))!;
    if (this.#options.counts) passkey.counter++;
    const clientData = this.#clientData('webauthn.get', challenge);
    const authData = this.#dataFor(rpId, passkey, 0);
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), passkey.privateKey);
    damage({ authData, signature });
    return this.#answer(passkey, { clientDataJSON: base64url(clientData), authenticatorData: base64url(authData), signature: base64url(signature), userHandle: passkey.userHandle });
  }

  #dataFor(rpId: string, { counter }: Made, more: number): Buffer {
    const { verifiesUser, backsUp } = this.#options;
    const rest = Buffer.alloc(5);
    rest.writeUInt8(0x01 | (verifiesUser ? 0x04 : 0) | (backsUp ? 0x18 : 0) | more);
    rest.writeUInt32BE(counter, 1);
    return Buffer.concat([sha256(Buffer.from(rpId)), rest]);
  }

  #clientData(type: string, challenge: string): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false }));
  }

  #answer({ id }: Made, response: object): string {
    return JSON.stringify({ id: base64url(id), rawId: base64url(id), type: 'public-key', clientExtensionResults: {}, authenticatorAttachment: 'platform', response });
  }
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
const base64url = (bytes: Buffer): string => bytes.toString('base64url');

/** CBOR (RFC 8949) of what WebAuthn is made of: integers, bytes, text and maps. */
function cbor(value: CborValue): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)])]);
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size]);
  if (size < 256) return Buffer.from([(major << 5) | 24, size]);
  return Buffer.from([(major << 5) | 25, size >> 8, size & 255]);
}
