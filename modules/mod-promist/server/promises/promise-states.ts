import type { StateName } from '../../database/tables.ts';

/**
 *                    fulfill
 *         PENDING ─────────────► FULFILLED   archived, reminders off
 *          │   ▲                     │
 *     fail │   └────── reopen ───────┤       out of the archive, reminders on
 *          ▼                         │
 *        FAILED ─────────────────────┘       reminders off
 */
export const transitions = {
  fulfill: { from: ['PENDING'], to: 'FULFILLED' },
  fail: { from: ['PENDING'], to: 'FAILED' },
  reopen: { from: ['FULFILLED', 'FAILED'], to: 'PENDING' },
} as const satisfies Record<string, { from: readonly StateName[]; to: StateName }>;

export type Transition = keyof typeof transitions;

/** Whether a promise that stands at `state` can go this way. */
export const canGo = (transition: Transition, state: StateName): boolean => (transitions[transition].from as readonly StateName[]).includes(state);
