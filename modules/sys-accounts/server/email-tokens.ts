import { createHmac, timingSafeEqual } from 'node:crypto';
import { derivedKey, exactBase64url, type DeploymentInfo } from '@mainstay/kernel';

/** What a link in an e-mail lets its reader do. */
export type LinkPurpose = 'verify-email' | 'reset-password' | 'accept-invitation' | 'agree-to-address' | 'confirm-address' | 'cancel-address';

/**
 * The token of a link: the id of a row that is there until the link was used, and its seal under the deployment's secret. It can be
 * made again, so it is stored nowhere, neither in the database nor in the queue from which the e-mail is sent.
 */
export const tokenOf = ({ secret }: Pick<DeploymentInfo, 'secret'>, purpose: LinkPurpose, id: string): string => `${id}.${sealOf(secret, purpose, id).toString('base64url')}`;

/** The id in a token, if the seal is right and for this purpose. */
export function idOfToken({ secret }: Pick<DeploymentInfo, 'secret'>, purpose: LinkPurpose, token: string): string | undefined {
  const [, id, seal] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})$/.exec(token) ?? [];
  if (!id || !seal) return undefined;
  const given = exactBase64url(seal);
  return given && timingSafeEqual(given, sealOf(secret, purpose, id)) ? id : undefined;
}

const sealOf = (secret: string, purpose: LinkPurpose, id: string): Buffer => createHmac('sha256', keyOf(secret)).update(`${purpose} ${id}`).digest();

const keys = new Map<string, Buffer>();

function keyOf(secret: string): Buffer {
  let key = keys.get(secret);
  if (!key) keys.set(secret, (key = derivedKey(secret, 'sys-accounts links in e-mails')));
  return key;
}
