import type { Principal, RequestTarget, RoleGrant } from '@mainstay/kernel';
import { Role, type Standing } from '@mainstay/sys-accounts/contract';
import { errors } from '../errors.ts';
import type { ProofsOfPossession } from './dpop.ts';
import type { Standings } from './standings.ts';
import type { TokenClaims } from './token-verifier.ts';

type Account = Extract<Principal, { kind: 'account' }>;

interface Means {
  standings: Standings;
  verifyToken: (token: string) => Promise<TokenClaims>;
  proofs: ProofsOfPossession;
}

/** `mst_<id>_<secret>`: the id's hexadecimal digits, and 32 bytes in base64url. */
const apiKey = /^mst_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([\w-]{43})$/;

/**
 * Who calls, from the headers `authorization` (RFC 6750, 9449) and `mainstay-org`. No credentials: anonymous.
 * Throws for credentials that don't hold, and `ORG_NOT_FOUND` for an org of which the account is no member.
 */
export async function authenticate(header: Headers, means: Means, target?: RequestTarget): Promise<Principal> {
  const authorization = header.get('authorization');
  if (authorization === null) return { kind: 'anonymous' };
  const [, scheme, credential] = /^(bearer|dpop) +(\S+)$/i.exec(authorization) ?? [];
  if (!scheme || !credential) throw errors.CREDENTIALS_UNKNOWN();
  const wantedOrg = header.get('mainstay-org') ?? undefined;
  return credential.startsWith('mst_') ? byApiKey(credential, wantedOrg, means) : byToken({ token: credential, isBound: /^dpop$/i.test(scheme), proof: header.get('dpop'), target }, wantedOrg, means);
}

/** How each account that was let in is asked for again, without its token, which may have run out meanwhile. */
const renewals = new WeakMap<Principal, () => Promise<Account>>();

/** The principal as it stands now. Throws like `authenticate` where its session or key holds no more. */
export const renewed = async (principal: Principal): Promise<Principal> => renewals.get(principal)?.() ?? principal;

async function remembering(ask: () => Promise<Account>): Promise<Account> {
  const account = await ask();
  renewals.set(account, ask);
  return account;
}

/** A token as it came, and what came with it. */
interface SentToken {
  token: string;
  /** It was sent as one that is bound to a key. */
  isBound: boolean;
  proof: string | null;
  target: RequestTarget | undefined;
}

async function byToken({ token, isBound, proof, target }: SentToken, wantedOrg: string | undefined, { verifyToken, standings, proofs }: Means): Promise<Account> {
  const claims = await verifyToken(token);
  const { thumbprint } = claims;
  if (thumbprint === undefined && isBound) throw errors.TOKEN_NOT_BOUND();
  if (thumbprint !== undefined) {
    if (!isBound || !target) throw errors.TOKEN_BOUND();
    await proofs.require(proof, { token, thumbprint, target });
  }
  return remembering(() => bySession(claims, wantedOrg, standings));
}

async function bySession({ accountId, sessionId, scope, isProgram }: TokenClaims, wantedOrg: string | undefined, standings: Standings): Promise<Account> {
  const standing = await standings.of(isProgram ? { oauthClientId: accountId } : { sessionId, accountId });
  if (!standing.active || standing.accountId !== accountId) throw errors.SESSION_ENDED();
  const known = accountOf(standing, sessionId);
  const account = scope ? { ...known, scope, ...(isProgram && { isProgram }) } : known;
  if (!wantedOrg || wantedOrg === account.orgId) return account;
  if (!account.roles.some(({ orgId }) => orgId === wantedOrg)) throw errors.ORG_NOT_FOUND({ orgId: wantedOrg });
  return { ...account, orgId: wantedOrg };
}

async function byApiKey(key: string, wantedOrg: string | undefined, { standings }: Means): Promise<Account> {
  const [, ...parts] = apiKey.exec(key) ?? [];
  if (parts.length === 0) throw errors.API_KEY_INVALID();
  const proof = { apiKeyId: parts.slice(0, 5).join('-'), secret: parts[5]! };
  return remembering(() => byKeyOf(proof, wantedOrg, standings));
}

async function byKeyOf(proof: { apiKeyId: string; secret: string }, wantedOrg: string | undefined, standings: Standings): Promise<Account> {
  const standing = await standings.of(proof);
  if (!standing.active) throw errors.API_KEY_INVALID();
  // A key acts in its own org alone.
  if (wantedOrg && wantedOrg !== standing.orgId) throw errors.ORG_NOT_FOUND({ orgId: wantedOrg });
  return accountOf(standing, proof.apiKeyId);
}

/** Made once for each answer about a standing, which is of one session or key: what is known of its roles is found by it. */
const accounts = new WeakMap<Standing, Account>();

function accountOf(standing: Standing, sessionId: string): Account {
  const known = accounts.get(standing);
  if (known) return known;
  const { accountId, orgId, roles, acr, authTime, hasSecondFactor, barredOrgIds, actorAccountId } = standing;
  const authentication = acr && authTime ? { acr, time: Number(authTime.seconds), hasSecondFactor } : undefined;
  const account: Account = { kind: 'account', accountId, orgId, sessionId, roles: roles.flatMap(roleGrant), ...(authentication && { authentication }), ...(barredOrgIds.length > 0 && { barredOrgIds }), ...(actorAccountId && { actorAccountId }) };
  accounts.set(standing, account);
  return account;
}

function roleGrant({ role, orgId, projectId }: Standing['roles'][number]): RoleGrant[] {
  const name = names[role];
  return name ? [{ role: name, ...(orgId && { orgId }), ...(projectId && { projectId }) }] : [];
}

// A role that this version does not know gives nothing.
const names: Partial<Record<Role, RoleGrant['role']>> = { [Role.GUEST]: 'GUEST', [Role.USER]: 'USER', [Role.ADMIN]: 'ADMIN', [Role.OPS]: 'OPS', [Role.SUPERADMIN]: 'SUPERADMIN' };
