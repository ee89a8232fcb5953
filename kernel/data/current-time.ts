/** What is to be added to the monotonic clock, in milliseconds. */
let offset = performance.timeOrigin;

/**
 * The time, as PostgreSQL tells it: everything that is stored or told is by one clock, however the clock of this
 * process jumps. It goes on evenly from when the database was last asked.
 */
export const currentTime = (): Date => new Date(offset + performance.now());

/** Sets the time to what the database answered to a question that was asked at `asked` by the monotonic clock. */
export function setCurrentTime(time: Date, asked: number): void {
  offset = time.getTime() - (asked + performance.now()) / 2;
}
