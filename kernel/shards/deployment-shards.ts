/** What a shard owns and holds. */
export interface ShardReport {
  /** The process of the placement that is divided. */
  process: string;
  shard: number;
  slots: number[];
  /** Orgs that have any row in it. */
  orgs: number;
  /** Rows of orgs that it owns. */
  rows: number;
  /** Of its whole database, with what lies in it for a moment. */
  bytes: number;
}

export type SlotMoveState = 'RUNNING' | 'DONE' | 'FAILED';

/** A move of slots to a shard, as operators see it. */
export interface SlotMoveReport {
  id: string;
  process: string;
  slots: number[];
  toShard: number;
  state: SlotMoveState;
  /** The slots that the shard owns already. */
  moved: number[];
  rowsCopied: number;
  /** The longest time for which writes were held, in milliseconds. */
  longestHold: number;
  /** Why it failed; what had moved by then stays moved. */
  problem: string;
  createTime: Date;
  endTime?: Date;
}

/** What a move would do. */
export interface SlotMovePlan {
  process: string;
  toShard: number;
  /** The slots that lie elsewhere now. */
  slots: number[];
  orgs: number;
  rows: number;
}

export interface SlotMoveRequest {
  /** Its id, a UUID. */
  id: string;
  /** Which process; the one that is in shards if empty. */
  process: string;
  slots: readonly number[];
  toShard: number;
}

/** The shards of a deployment, for the module that serves operators. Throws `kernel.SHARDS_UNKNOWN`, `kernel.SHARD_MOVE_UNDER_WAY`. */
export interface DeploymentShards {
  list(): Promise<ShardReport[]>;
  plan(request: Omit<SlotMoveRequest, 'id'>): Promise<SlotMovePlan>;
  /** Begins a move; it goes on by itself, also after this process ended and another took its place. */
  move(request: SlotMoveRequest): Promise<SlotMoveReport>;
  get(id: string): Promise<SlotMoveReport | undefined>;
}
