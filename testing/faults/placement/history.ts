/** One try of a command, as its client saw it. Times are milliseconds, all by the same clock. */
export interface Try {
  began: number;
  ended: number;
  /** The HTTP status; none if no whole answer came. */
  status?: number;
  /** What went wrong. */
  problem?: string;
}

/** A command that a client sent until it was acknowledged, or once if it has no idempotency key. */
export interface Command {
  /** Its own text, by which its row is found. */
  title: string;
  keyed: boolean;
  begun: number;
  tries: Try[];
  /** What its client was told took effect. */
  acknowledged?: { id: string; at: number };
}

/** What clients did and saw, in the order in which they began. */
export type History = readonly Command[];

/** The longest time between two acknowledgements from one moment to another, in milliseconds. */
export function longestSilence(history: History, from: number, to: number): number {
  const times = history.flatMap(({ acknowledged }) => (acknowledged && acknowledged.at >= from && acknowledged.at <= to ? [acknowledged.at] : [])).sort((one, next) => one - next);
  const ends = [...times, to];
  return Math.max(...ends.map((end, at) => end - (at === 0 ? from : ends[at - 1]!)));
}

/** Tries that ended in that time other than with success. */
export const failedTries = (history: History, from: number, to: number): Try[] => history.flatMap(({ tries }) => tries.filter(({ began, ended, status }) => ended >= from && began <= to && status !== 200));
