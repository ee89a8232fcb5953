import type { DescMethod } from '@bufbuild/protobuf';
import type { Access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { Introduction } from './introduction.ts';
import type { Principal, Role } from './principal.ts';

/** One question to the guard: may this principal, through this module, call this method? */
export interface AccessRequest {
  principal: Principal;
  /** The module whose code makes the call; absent when it comes from outside. */
  callerModule?: string;
  /** The module that serves the method. */
  module: string;
  method: DescMethod;
  /** What the contract says about the method. */
  access: Access;
  /** The project a project-scoped method acts in, where the request names one. */
  projectId?: string;
}

export type Decision =
  | {
      allowed: true;
      /** The call may see the rows of every org: an operator's list. Only the guard can grant it. */
      acrossOrgs?: boolean;
      /** Called when the call is over, whatever came of it, before its caller hears of that, with the ids that its transactions named as changed. */
      ended?: (changed: ReadonlySet<string>) => void | Promise<void>;
    }
  | { allowed: false; /** What is missing, for the caller to read. */ because: string; /** What to answer, if the kernel's own words say too little. */ error?: Error };

/** What an HTTP request asks for. */
export interface RequestTarget {
  method: string;
  /** Path and query, as they came. */
  url: string;
}

/**
 * The port through which every call passes before its handler runs. `sys-core` implements it;
 * the kernel only asks.
 */
export interface Guard {
  /**
   * Who calls, from the request's headers: `authorization` (bearer token or API key) and
   * `mainstay-org` (an org to act in other than the session's own). No credentials: anonymous.
   * Throws `unauthenticated` for credentials that do not hold. `target` is what the request asked for, where it is known:
   * tokens that are bound to a key come with a proof about it.
   */
  authenticate(header: Headers, target?: RequestTarget): Promise<Principal> | Principal;
  decide(request: AccessRequest): Promise<Decision> | Decision;
  /**
   * Tells, once, when a call that was let in would be let in no more: streams end then. Gives a function that
   * stops telling.
   */
  onLoss?(request: AccessRequest, lost: (error: Error) => void): () => void;
  /** What another process has heard to be changed: as the ids that `Decision.ended` gets there. */
  changed?(ids: ReadonlySet<string>): void;
  /** Says to the process `to` on whose behalf this one calls it; needed where a deployment has several. Short-lived, and of no use to any other process. */
  introduce?(introduction: Introduction, to: string): string;
  /** Reads what another process said of a call to the process `to`. Throws `unauthenticated` for what no process of the deployment said, or not to this one, or too long ago. */
  recognise?(said: string, to: string): Introduction;
}

/** Who may do what: plain data beside a module's contract, read by the guard. */
export interface AccessRule {
  role: Role;
  /** Permissions granted; `promist.promises.*` grants every verb on `promist.promises`. */
  may: readonly `${string}.${string}`[];
  /** The role sees the rows of every org through these methods: operators only. */
  acrossOrgs?: boolean;
}

/** What a guard decides by, of all modules that run. */
export interface GuardFacts {
  rules: readonly AccessRule[];
  /** By module, the full names of the services that it declares in `requires`: those and no others it may call. */
  requires: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether a process may speak for a module, since it runs it, or for `kernel`, since the deployment has such a process; absent where it has but one. */
  speaksFor?: (process: string, module: string) => boolean;
}

export const defineAccess = (rules: readonly AccessRule[]) => rules;
