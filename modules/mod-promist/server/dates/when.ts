/** A time as a person wrote it; with a rule of RFC 5545 if they wrote "every". */
export interface When {
  time: Date;
  recurrence: string;
}

export interface WhenOptions {
  now: Date;
  timeZone: string;
  /** The time of a day that was named without one: 23:59 if absent, as for something due. */
  timeOfDay?: string;
}
