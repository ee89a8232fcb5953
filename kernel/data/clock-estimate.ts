/** How far the clock of a machine may go wrong, per millisecond: computers are off by up to 0.1 per mille, and are set right by up to 0.5. */
const DRIFT = 0.0005;

/**
 * What is to be added to this process's monotonic clock to get another's time, in milliseconds, from what that answers (Cristian 1989): a
 * time that was read between question and answer bounds it from both sides. Bounds are kept and cut by later ones, so that an answer
 * that took long makes nothing worse; only what contradicts all before it, such as a clock that was set, replaces them.
 */
export class ClockEstimate {
  #low = -Infinity;
  #high = Infinity;
  #at = 0;

  /** Takes a time in milliseconds, cut to whole ones, of which it was asked and answered at these moments of the monotonic clock. */
  add(time: number, asked: number, answered: number): void {
    const grown = Math.max(0, answered - this.#at) * DRIFT;
    const [low, high] = [time - answered, time + 1 - asked];
    const [bothLow, bothHigh] = [Math.max(low, this.#low - grown), Math.min(high, this.#high + grown)];
    [this.#low, this.#high] = bothLow <= bothHigh ? [bothLow, bothHigh] : [low, high];
    this.#at = answered;
  }

  get offset(): number {
    return (this.#low + this.#high) / 2;
  }
}
