/** A role that an account holds: on the whole platform, in one org, or in one project of an org. */
export interface RoleGrant {
  role: Role;
  /** The org the role is limited to; absent for the platform's own roles. */
  orgId?: string;
  /** The project the role is limited to; absent means the whole org. */
  projectId?: string;
}

/**
 * The platform's fixed roles. `SUPERADMIN` is the Platform Administrator, `OPS` Platform Maintenance,
 * `ADMIN` the Customer Administrator of an org or project, `USER` a Customer User, `GUEST` a new registrant.
 */
export type Role = 'GUEST' | 'USER' | 'ADMIN' | 'OPS' | 'SUPERADMIN';

/** How a person proved who they are when they signed in, or stepped up since. */
export interface Authentication {
  /** How sure that makes it (OpenID Connect Core §2). */
  acr: string;
  /** When, in seconds since the epoch. */
  time: number;
  /** Whether they have a second factor. */
  hasSecondFactor: boolean;
}

/** Who is calling. Travels with every call, in process and over the wire. */
export type Principal =
  /** Nobody signed in. */
  | { kind: 'anonymous' }
  /** A person, or a program acting with the person's API key. */
  | {
      kind: 'account';
      accountId: string;
      /** The org the call acts in: every tenant row it can touch belongs to this org. */
      orgId: string;
      roles: readonly RoleGrant[];
      /** The signed-in session, or the API key, that proved it. */
      sessionId: string;
      /** Absent for programs, API keys among them. */
      authentication?: Authentication;
      /** The orgs that demand a second factor of their members, which the account lacks. */
      barredOrgIds?: readonly string[];
      /** What an OAuth access token lets its bearer do; absent where it is all that the account may. */
      scope?: readonly string[];
      /** It is an OAuth client that acts for itself: the account's id is the client's. */
      isProgram?: true;
      /** The administrator who acts on the account's behalf, if one does. */
      actorAccountId?: string;
    }
  /** A module acting for itself: a job, an event handler, the bootstrap. */
  | { kind: 'module'; module: string; orgId?: string };
