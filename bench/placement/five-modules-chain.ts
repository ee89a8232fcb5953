/** A chain under load. */
export interface Chain {
  address: string;
  token: string;
  /** Its processes. */
  pids: readonly number[];
  /** Of parcels that are there. */
  ids: readonly string[];
  stop(): Promise<void>;
}
