import type { DescMethod } from '@bufbuild/protobuf';
import type { Code } from '@connectrpc/connect';
import { codeName } from '../errors/code-name.ts';
import { Durations, type Labels, type MetricFamily } from './metrics.ts';

/** In seconds: from a call within the process to one that waits for its deadline. */
const bounds = Float64Array.of(0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10);
const OK = 0;

/** What is counted of one method: numbers in place, since every call passes here. */
export class MethodMetrics {
  readonly method: DescMethod;
  readonly labels: Labels;
  readonly durations = new Durations(bounds);
  /** By code; 0 is success. */
  readonly outcomes = new Float64Array(17);
  inFlight = 0;

  constructor(method: DescMethod, module: string) {
    this.method = method;
    this.labels = { module, 'rpc.method': `${method.parent.typeName}/${method.name}` };
  }

  begin(): void {
    this.inFlight++;
  }

  end(seconds: number, code: Code | undefined): void {
    this.inFlight--;
    this.outcomes[code ?? OK]!++;
    this.durations.add(seconds);
  }
}

/** Rate, errors and duration of the methods; those that were never called say nothing. */
export function callMetrics(methods: readonly MethodMetrics[]): MetricFamily[] {
  const called = methods.filter(({ outcomes, inFlight }) => inFlight > 0 || outcomes.some((count) => count > 0));
  const outcomesOf = ({ labels, outcomes }: MethodMetrics) =>
    [...outcomes].flatMap((value, code) => (value > 0 ? [{ labels: { ...labels, code: codeName(code === OK ? undefined : (code as Code)) }, value }] : []));
  return [
    { name: 'mainstay.calls', type: 'counter', unit: '{call}', help: 'Calls that ended, by method and outcome, from outside and from other modules.', samples: called.flatMap(outcomesOf) },
    { name: 'rpc.server.call.duration', type: 'histogram', unit: 's', help: 'How long calls took, from the guard to the end of the answer.', bounds: [...bounds], samples: called.map(({ labels, durations }) => durations.sample(labels)) },
    { name: 'mainstay.calls.active', type: 'gauge', unit: '{call}', help: 'Calls that have begun and not ended.', samples: called.map(({ labels, inFlight }) => ({ labels, value: inFlight })) },
  ];
}
