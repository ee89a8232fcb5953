/** What a process counts of its calls to another. */
export interface PeerCounts {
  retries: number;
  /** Repeats that the budget did not allow. */
  unaffordable: number;
  timeouts: number;
  refusedBusy: number;
  refusedFailing: number;
  opened: number;
}

/** How calls to one process fare just now. */
export interface PeerStanding {
  peer: string;
  breaker: 'closed' | 'open' | 'half-open';
  underWay: number;
  counts: Readonly<PeerCounts>;
}
