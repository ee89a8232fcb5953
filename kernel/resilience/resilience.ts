import type { Transport } from '@connectrpc/connect';
import { callKey } from '../guard/call.ts';
import type { MetricFamily, Sample } from '../telemetry/metrics.ts';
import { callsByDefault, type CallSettings } from './calls-config.ts';
import { PeerCalls, type Attempt, type RepeatedCall } from './peer-calls.ts';
import type { PeerStanding } from './peer-standing.ts';

/** Keeps calls to other processes from failing where that can be helped, and from burying a process that fails. */
export class Resilience {
  #settings: Readonly<CallSettings>;
  readonly #peers = new Map<string, PeerCalls>();

  constructor(settings: Readonly<CallSettings> = callsByDefault) {
    this.#settings = settings;
  }

  get settings(): Readonly<CallSettings> {
    return this.#settings;
  }

  /** From the next call on. */
  configure(settings: Readonly<CallSettings>): void {
    this.#settings = settings;
    for (const calls of this.#peers.values()) calls.configure(settings);
  }

  /** Makes a unary call to a process, once or, where that is safe, several times. */
  run<T>(peer: string, call: RepeatedCall, attempt: Attempt<T>): Promise<T> {
    return this.#callsTo(peer).unary(call, attempt);
  }

  /** The same for all that goes through a transport to the process. */
  around(peer: string, transport: Transport): Transport {
    const calls = this.#callsTo(peer);
    return {
      unary: (method, signal, timeoutMs, header, input, values) =>
        calls.unary({ method, idempotencyKey: values?.get(callKey)?.idempotencyKey, signal, timeoutMs }, (left) => transport.unary(method, signal, left, header, input, values)),
      stream: (method, signal, timeoutMs, header, input, values) => calls.stream(() => transport.stream(method, signal, timeoutMs, header, input, values)),
    };
  }

  standings(): PeerStanding[] {
    return [...this.#peers].map(([peer, { breakerState: breaker, underWay, counts }]) => ({ peer, breaker, underWay, counts }));
  }

  /** For the metrics of the process. */
  readonly metrics = (): MetricFamily[] => metricsOf(this.standings());

  #callsTo(peer: string): PeerCalls {
    let calls = this.#peers.get(peer);
    if (!calls) this.#peers.set(peer, (calls = new PeerCalls(peer, this.#settings)));
    return calls;
  }
}

const stateNumbers = { closed: 0, 'half-open': 1, open: 2 };

function metricsOf(standings: readonly PeerStanding[]): MetricFamily[] {
  const samples = (value: (standing: PeerStanding) => number): Sample[] => standings.map((standing) => ({ labels: { peer: standing.peer }, value: value(standing) }));
  return [
    { name: 'mainstay.calls.retries', type: 'counter', unit: '{call}', help: 'Calls to another process that were made again.', samples: samples(({ counts }) => counts.retries) },
    { name: 'mainstay.calls.retries.unaffordable', type: 'counter', unit: '{call}', help: 'Calls that were not made again because too many were already.', samples: samples(({ counts }) => counts.unaffordable) },
    { name: 'mainstay.calls.timeouts', type: 'counter', unit: '{call}', help: 'Calls that another process did not answer in time.', samples: samples(({ counts }) => counts.timeouts) },
    { name: 'mainstay.calls.breaker.state', type: 'gauge', unit: '1', help: 'Whether another process is called: 0 yes, 1 to try whether it answers again, 2 no.', samples: samples(({ breaker }) => stateNumbers[breaker]) },
    { name: 'mainstay.calls.breaker.opened', type: 'counter', unit: '{time}', help: 'How often another process was left alone because it did not answer.', samples: samples(({ counts }) => counts.opened) },
    { name: 'mainstay.calls.breaker.refused', type: 'counter', unit: '{call}', help: 'Calls that were not made because their process did not answer lately.', samples: samples(({ counts }) => counts.refusedFailing) },
    { name: 'mainstay.calls.bulkhead.active', type: 'gauge', unit: '{call}', help: 'Calls to another process that are under way.', samples: samples(({ underWay }) => underWay) },
    { name: 'mainstay.calls.bulkhead.refused', type: 'counter', unit: '{call}', help: 'Calls that were not made because too many to the same process were under way.', samples: samples(({ counts }) => counts.refusedBusy) },
  ];
}
