/** One line of the audit: who did what, for whom, when, from where, and how it ended. */
export interface AuditEntry {
  /** UUID version 7; an entry that is handed over again is known by it. */
  id: string;
  time: Date;
  /** The module that served the method. */
  module: string;
  /** The method's full name, such as `mod.promist.v1.PromisesService/CreatePromise`. */
  method: string;
  /** `OK`, or the reason of the error that it ended with, such as `kernel.PERMISSION_DENIED`. */
  outcome: string;
  principalKind: 'account' | 'module' | 'anonymous';
  /** The account that the command counts for, or the name of the module that acted by itself. */
  principalId?: string;
  /** The person who really acted, when that is an administrator on the account's behalf. */
  actorAccountId?: string;
  orgId?: string;
  sessionId?: string;
  /** The module whose code made the call; absent when it came from outside. */
  callerModule?: string;
  clientAddress?: string;
  traceId: string;
  /** What it was done to: the ids and names that the request names, and what it chose, such as a role, by field; never personal data or secrets. */
  subjects: Record<string, string>;
}

/**
 * Keeps the audit. `sys-core` implements it; the kernel hands over what every module's commands recorded,
 * in the order of their ids per module.
 */
export interface AuditLog {
  /** Keeps entries for good. Entries that are kept already are left alone. */
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** Ends what it does beside that; called once, after the last `append`. */
  stop?(): Promise<void>;
}
