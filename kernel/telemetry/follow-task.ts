import type { Call } from '../guard/call.ts';
import { Durations, type Labels, type MetricFamily } from './metrics.ts';
import { endWith } from './in-span.ts';
import type { Tracer } from './span.ts';
import { continueTrace, parseTraceContext, type TraceContext } from './trace-context.ts';

/** In seconds: from a short job to one that works for minutes. */
const bounds = Float64Array.of(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300);

/** A job, or a handler of an event, that a process runs. */
export interface Task {
  module: string;
  name: string;
  kind: 'job' | 'event';
}

/** What a task's entry in the queue says about the work that caused it. */
export interface TaskOrigin {
  traceId?: string;
  traceparent?: string;
  tracestate?: string;
}

/** The place of a task in the trace of what caused it. */
export type TaskPlace = Required<Pick<Call, 'traceId' | 'trace'>> & Pick<Call, 'span'>;

/** Counts the tasks of a process, and follows them in their traces. */
export class TaskTelemetry {
  readonly #tasks = new Map<string, { labels: Labels; completed: number; failed: number; durations: Durations }>();
  readonly #tracer: () => Tracer | undefined;

  constructor(tracer: () => Tracer | undefined = () => undefined) {
    this.#tracer = tracer;
  }

  /** Runs a task: below the work that caused it, which has not waited for it. */
  async follow<T>(task: Task, origin: TaskOrigin, work: (place: TaskPlace) => Promise<T>): Promise<T> {
    const counted = this.#counted(task);
    const began = performance.now();
    try {
      const result = await this.#traced(task, causeOf(origin), work);
      counted.completed++;
      return result;
    } catch (error) {
      counted.failed++;
      throw error;
    } finally {
      counted.durations.add((performance.now() - began) / 1000);
    }
  }

  readonly read = (): MetricFamily[] => {
    const tasks = [...this.#tasks.values()];
    return [
      { name: 'mainstay.tasks', type: 'counter', unit: '{task}', help: 'Runs of jobs and deliveries of events that ended, by outcome.', samples: tasks.flatMap(({ labels, completed, failed }) => [{ labels: { ...labels, outcome: 'completed' }, value: completed }, { labels: { ...labels, outcome: 'failed' }, value: failed }]) },
      { name: 'mainstay.task.duration', type: 'histogram', unit: 's', help: 'How long runs of jobs and deliveries of events took.', bounds: [...bounds], samples: tasks.map(({ labels, durations }) => durations.sample(labels)) },
    ];
  };

  #traced<T>({ module, name, kind }: Task, cause: TraceContext | undefined, work: (place: TaskPlace) => Promise<T>): Promise<T> {
    const span = this.#tracer()?.start(`${module}/${name}`, { kind: 'consumer', ...(cause && { parent: cause, link: cause }), attributes: { 'messaging.system': 'mainstay', 'messaging.operation.type': 'process', 'messaging.destination.name': `${module}/${name}`, 'mainstay.module': module, 'mainstay.task': kind } });
    const trace = span?.context ?? continueTrace(cause);
    const run = () => work({ traceId: trace.traceId, trace, ...(span && { span }) });
    return span ? endWith(span, run) : run();
  }

  #counted({ module, name, kind }: Task) {
    const key = `${module}/${name}`;
    const known = this.#tasks.get(key) ?? { labels: { module, task: name, kind }, completed: 0, failed: 0, durations: new Durations(bounds) };
    this.#tasks.set(key, known);
    return known;
  }
}

/** What was queued by a version that knew no more has a trace, but no place in it. */
function causeOf({ traceId, traceparent, tracestate }: TaskOrigin): TraceContext | undefined {
  const cause = parseTraceContext(traceparent, tracestate);
  return cause ?? (traceId && !/^0+$/.test(traceId) ? { ...continueTrace(undefined), traceId } : undefined);
}
