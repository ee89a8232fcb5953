/**
 * The states of a saga, and where each may go:
 *
 *              ┌── step done, tried again ──┐
 *              ▼                            │
 *   start → RUNNING ────────────────────────┘ ── last step done ──▶ COMPLETED
 *            │  ▲ └─ waits for a time or an event ─▶ WAITING
 *            │  └────── it came, or its time ──────────┘ │
 *            │                                           │
 *            └── failed for good, deadline, cancelled ───┘
 *              ▼
 *         COMPENSATING ◀─┐ ── every done step undone ──▶ COMPENSATED
 *              │         └── retried by an operator ─┐
 *              └── an undoing failed for good ──▶ STUCK (a dead letter)
 */
export const sagaTransitions = {
  RUNNING: ['RUNNING', 'WAITING', 'COMPLETED', 'COMPENSATING', 'COMPENSATED'],
  WAITING: ['WAITING', 'RUNNING', 'COMPLETED', 'COMPENSATING', 'COMPENSATED'],
  COMPENSATING: ['COMPENSATING', 'COMPENSATED', 'STUCK'],
  STUCK: ['COMPENSATING', 'COMPENSATED', 'STUCK'],
  COMPLETED: [],
  COMPENSATED: [],
} as const satisfies Record<string, readonly string[]>;

export type SagaState = keyof typeof sagaTransitions;
export const sagaStates = Object.keys(sagaTransitions) as SagaState[];

/** Whether nothing happens to a saga in this state any more. */
export const hasEnded = (state: SagaState): boolean => sagaTransitions[state].length === 0;

/** The state that a saga goes to; throws where it may not. */
export function moved(from: SagaState, to: SagaState): SagaState {
  if (!(sagaTransitions[from] as readonly string[]).includes(to)) throw new Error(`a saga that is ${from} does not become ${to}`);
  return to;
}

/** What became of a step. */
export type StepState = 'PENDING' | 'DONE' | 'FAILED' | 'COMPENSATED';
