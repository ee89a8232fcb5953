import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';

/** What every peer knows of its only user: one org, one account, one signed token, as Mainstay's guard checks it. */
export async function signedIn() {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const [orgId, accountId, sessionId] = [process.env.ORG_ID, process.env.ACCOUNT_ID, randomUUID()];
  const token = await new SignJWT({ org: orgId, sid: sessionId }).setProtectedHeader({ alg: 'ES256' }).setSubject(accountId).setIssuer('bench').setAudience('bench').setExpirationTime('1h').sign(privateKey);
  const verified = new Map();
  /** Verifies the bearer token; a token that was good is good until it expires. */
  const authenticate = async (authorization) => {
    const given = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (!given) return undefined;
    const known = verified.get(given);
    if (known && known.until > Date.now()) return known;
    try {
      const { payload } = await jwtVerify(given, publicKey, { issuer: 'bench', audience: 'bench' });
      const caller = { orgId: payload.org, accountId: payload.sub, sessionId: payload.sid, until: payload.exp * 1000 };
      verified.set(given, caller);
      return caller;
    } catch {
      return undefined;
    }
  };
  return { token, authenticate };
}

export const newTraceId = () => randomBytes(16).toString('hex');
export const sha256 = (text) => createHash('sha256').update(text).digest();
export const method = 'mod.promist.v1.PromisesService/CreatePromise';

/** A promise as the answer shows it. */
export const promiseMessage = (row, reminders = [], shares = []) => ({
  id: row.id, title: row.title, description: row.description, ownerAccountId: row.owner_id, madeAt: row.made_at, dueTime: row.due_time, tags: row.tags,
  state: row.state, archived: row.archived, version: row.version, createTime: row.create_time, updateTime: row.update_time, reminders, shares,
});

/** The position after a row, signed by nobody: the peers' page tokens are plain. */
export const pageToken = (row) => Buffer.from(JSON.stringify([row.made_at, row.id])).toString('base64url');

/** Tells the benchmark where the peer listens. */
export const announce = (port, token) => console.log(JSON.stringify({ address: `http://127.0.0.1:${port}`, token }));
