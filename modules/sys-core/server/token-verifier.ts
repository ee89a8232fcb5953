import type { ConnectError } from '@connectrpc/connect';
import { createLocalJWKSet, errors as joseErrors, jwtVerify, type JWK, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { currentTime, exactBase64url } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/** What a valid access token says. */
export interface TokenClaims {
  accountId: string;
  sessionId: string;
  /** What an OAuth client may do with it; absent for tokens of the platform's own login. */
  scope?: readonly string[];
  /** The key that it is bound to (RFC 9449, 6.1); empty if it is bound in a way that is not known here. */
  thumbprint?: string;
  /** An OAuth client got it for itself (RFC 9068, 2.2): the account's id is the client's. */
  isProgram?: true;
}

interface Verified extends TokenClaims {
  /** Seconds since the epoch. */
  expires: number;
}

interface Options {
  issuer: string;
  /** A token is good for one of them at least. */
  audience: readonly string[];
  /** Reads the keys that tokens may be signed with. */
  readKeys: () => Promise<JWK[]>;
}

const remembered = 10_000;
const keysFreshMilliseconds = 5 * 60_000;
/** An unknown key id makes it read the keys again, but not more often than this. */
const keysAgainMilliseconds = 2000;

/**
 * Verifies access tokens (RFC 9068: ES256 JWTs of type `at+jwt`) against cached keys. Throws `TOKEN_…` errors.
 * What was verified once is remembered until it expires, since a signature costs far more than a call.
 */
export function createTokenVerifier({ issuer, audience, readKeys }: Options): (token: string) => Promise<TokenClaims> {
  const keys = cachedKeys(readKeys);
  const known = new Map<string, Verified>();

  const verify = async (token: string): Promise<Verified> => {
    if (!exactBase64url(token.slice(token.lastIndexOf('.') + 1))) throw errors.TOKEN_INVALID();
    const { payload } = await jwtVerify(token, keys, { issuer, audience: [...audience], algorithms: ['ES256'], typ: 'at+jwt', currentDate: currentTime(), requiredClaims: ['sub', 'sid', 'exp', 'jti'] });
    if (typeof payload.sid !== 'string' || !isUuid(payload.sid) || !isUuid(payload.sub!)) throw errors.TOKEN_INVALID();
    return { accountId: payload.sub!, sessionId: payload.sid, expires: payload.exp!, ...ofClient(payload), ...boundTo(payload) };
  };

  return async (token) => {
    const before = known.get(token);
    if (before && before.expires > currentTime().getTime() / 1000) return before;
    if (before) known.delete(token);
    const claims = await verify(token).catch((error: unknown) => {
      throw explain(error);
    });
    if (known.size >= remembered) known.delete(known.keys().next().value!);
    known.set(token, claims);
    return claims;
  };
}

function boundTo({ cnf }: JWTPayload): Pick<TokenClaims, 'thumbprint'> {
  if (cnf === undefined) return {};
  const { jkt } = cnf as { jkt?: unknown };
  return { thumbprint: typeof jkt === 'string' ? jkt : '' };
}

/** The platform's own login names itself as the client. */
const OWN_LOGIN = 'mainstay';

function ofClient({ client_id: clientId, sub, scope }: JWTPayload): Pick<TokenClaims, 'scope' | 'isProgram'> {
  if (clientId === undefined || clientId === OWN_LOGIN) return {};
  return { scope: typeof scope === 'string' ? scope.split(' ') : [], ...(clientId === sub && { isProgram: true }) };
}

/** The keys by id; reads them when they are old, or when a token names one that is not among them. */
function cachedKeys(readKeys: () => Promise<JWK[]>): JWTVerifyGetKey {
  let read: { at: number; set: Promise<JWTVerifyGetKey> } | undefined;
  const keysNotOlderThan = (milliseconds: number) => {
    if (!read || read.at + milliseconds < performance.now()) {
      const set = readKeys().then((keys) => createLocalJWKSet({ keys }));
      read = { at: performance.now(), set };
      set.catch(() => (read = undefined));
    }
    return read.set;
  };
  return async (header, token) => {
    try {
      return await (await keysNotOlderThan(keysFreshMilliseconds))(header, token);
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey)) throw error;
      return (await keysNotOlderThan(keysAgainMilliseconds))(header, token);
    }
  };
}

const wrongClaim: Partial<Record<string, () => ConnectError>> = { aud: errors.TOKEN_WRONG_AUDIENCE, iss: errors.TOKEN_WRONG_ISSUER, nbf: errors.TOKEN_NOT_YET_VALID };

/** An error of the token as its reason; any other, such as a database that can't be reached, as it is. */
function explain(error: unknown): unknown {
  if (error instanceof joseErrors.JWTExpired) return errors.TOKEN_EXPIRED();
  if (error instanceof joseErrors.JWTClaimValidationFailed) return (wrongClaim[error.claim] ?? errors.TOKEN_INVALID)();
  if (error instanceof joseErrors.JOSEError || error instanceof TypeError) return errors.TOKEN_INVALID();
  return error;
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
