const { now } = Date;
let jump = 0;

/** Lets whoever started this process shift its wall clock, by a message `{ jump: milliseconds }`. PostgreSQL's stays. */
globalThis.Date = class extends Date {
  constructor(...given: [] | [never]) {
    super(...(given.length === 0 ? [now() + jump] : given) as [number]);
  }

  static override now(): number {
    return now() + jump;
  }
} as DateConstructor;

process.on('message', (message: { jump?: number }) => {
  if (message.jump !== undefined) jump = message.jump;
});
