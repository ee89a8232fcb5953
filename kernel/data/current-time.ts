import { ClockEstimate } from './clock-estimate.ts';

const estimate = new ClockEstimate();
/** What is to be added to the monotonic clock, in milliseconds. */
let offset = performance.timeOrigin;

/**
 * The time, as PostgreSQL tells it: everything that is stored or told is by one clock, however the clock of this
 * process jumps. It goes on evenly between the answers of the database.
 */
export const currentTime = (): Date => new Date(offset + performance.now());

/** Learns the time from what the database answered to a question that was asked at `asked` by the monotonic clock. */
export function setCurrentTime(time: Date, asked: number): void {
  estimate.add(time.getTime(), asked, performance.now());
  offset = estimate.offset;
}
