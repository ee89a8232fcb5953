import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { defineErrors } from '../errors/define-errors.ts';

export const webhookErrors = defineErrors('kernel', {
  WEBHOOK_UNKNOWN: ['NotFound', 'no webhook {name} of {module}'],
  WEBHOOK_HEADERS_MISSING: ['InvalidArgument', 'a webhook needs the headers {headers}'],
  WEBHOOK_SIGNATURE_INVALID: ['Unauthenticated', 'the signature of the webhook is not valid: sign the body as it is sent, with the current secret'],
  WEBHOOK_TIME_INVALID: ['Unauthenticated', 'the time of the webhook is not within {seconds} seconds of now; check the clock'],
  WEBHOOK_PAYLOAD_INVALID: ['InvalidArgument', 'the payload of the webhook is not valid: {because}'],
  WEBHOOK_NOT_SET_UP: ['FailedPrecondition', 'the webhook {name} of {module} has no secret; set it in the configuration'],
});

/** A webhook as it came. */
export interface ReceivedWebhook {
  /** Values of its headers, by names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** How a sender signs: gives the id of what it sent, or throws if it was not signed with one of the secrets, at about `now`. */
export type WebhookScheme = (webhook: ReceivedWebhook, secrets: readonly string[], now: Date) => string;

const TOLERANCE_SECONDS = 300;
const SECRET_PREFIX = 'whsec_';

/** The signature of a webhook by the Standard Webhooks specification (v1, HMAC-SHA256). `secret` is in base64, behind `whsec_`. */
export function signStandard(secret: string, id: string, timestamp: string, body: Uint8Array | string): string {
  const key = Buffer.from(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret, 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/** What the Standard Webhooks specification says: signed together with id and time, which is not more than five minutes off; of several signatures and secrets one fits. */
export const standardWebhooks: WebhookScheme = ({ headers, body }, secrets, now) => {
  const [id, timestamp, signature] = [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature']];
  if (!id || !timestamp || !signature) throw webhookErrors.WEBHOOK_HEADERS_MISSING({ headers: 'webhook-id, webhook-timestamp and webhook-signature' });
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now.getTime() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) throw webhookErrors.WEBHOOK_TIME_INVALID({ seconds: TOLERANCE_SECONDS });
  const given = signature.split(' ');
  const fits = secrets.some((secret) => {
    const wanted = signStandard(secret, id, timestamp, body);
    return given.some((one) => isSame(one, wanted));
  });
  if (!fits) throw webhookErrors.WEBHOOK_SIGNATURE_INVALID();
  return id;
};

export interface HmacOptions {
  /** The header with the signature, such as `x-hub-signature-256`. */
  header: string;
  /** What stands before the signature, such as `sha256=`; nothing if absent. */
  prefix?: string;
  algorithm?: 'sha1' | 'sha256' | 'sha512';
  encoding?: 'hex' | 'base64';
  /** The header that tells one from another, such as `x-github-delivery`; absent, the body does. */
  idHeader?: string;
}

/** How senders sign that do not follow the specification: an HMAC of the body in a header. */
export function hmacOfBody({ header, prefix = '', algorithm = 'sha256', encoding = 'hex', idHeader }: HmacOptions): WebhookScheme {
  return ({ headers, body }, secrets) => {
    const given = headers[header.toLowerCase()];
    const id = idHeader === undefined ? createHash('sha256').update(body).digest('hex') : headers[idHeader.toLowerCase()];
    if (!given || !id) throw webhookErrors.WEBHOOK_HEADERS_MISSING({ headers: [header, idHeader].filter(Boolean).join(' and ') });
    if (!secrets.some((secret) => isSame(given, prefix + createHmac(algorithm, secret).update(body).digest(encoding)))) throw webhookErrors.WEBHOOK_SIGNATURE_INVALID();
    return id;
  };
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
