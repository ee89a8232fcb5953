import type { BatchedStatement } from './statement-batch.ts';

const texts = {
  transaction: 'select mainstay.enter_org($1, $2, true)',
  session: 'select mainstay.enter_org($1, $2, false)',
};

/**
 * Lets a connection see the rows of one org, or of none if its id is empty: to the end of its transaction, or of its
 * session. `key` is what the connection shows to be allowed to. The session's org is the one before again if the
 * transaction in which it was entered is rolled back.
 */
export const enteringOrg = (until: keyof typeof texts, orgId: string, key: Buffer | undefined): BatchedStatement => ({ sql: texts[until], parameters: [orgId, key] });

/** Lets a transaction in a shard write in the org that its session is in; it fails if the org's rows lie in another shard. */
export const holdingOrg = (orgId: string): BatchedStatement => ({ sql: 'select mainstay.hold_org($1)', parameters: [orgId] });
