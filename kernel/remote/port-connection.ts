/** A connection of the internal port that is read here. */
export interface PortConnection {
  /** Takes no more calls; ends when those that are under way are answered. */
  drain(): void;
  /** Called now and then: tells callers that wait long that this process is at work. */
  tellOfWork(): void;
  destroy(): void;
}
