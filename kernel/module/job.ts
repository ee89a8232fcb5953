/** Work done outside of a request: queued by a command, or on a schedule. */
export interface JobDeclaration<N, P = unknown> {
  /** Unique in the module; kebab-case. */
  name: string;
  /** Cron expression in UTC, for work on a schedule. It runs over all orgs. */
  cron?: string;
  run: (needs: N, payload: P) => Promise<void>;
}

/** Declares a job that commands put into the queue with `tx.enqueue`. */
export function job<N, P>(name: string, run: (needs: N, payload: P) => Promise<void>): JobDeclaration<N, P> {
  return { name, run };
}

/** Declares a job on a schedule: a cron expression of five fields, in UTC. */
export function cron<N>(name: string, expression: string, run: (needs: N) => Promise<void>): JobDeclaration<N, unknown> {
  return { name, cron: expression, run };
}
