import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';

/** The state behind `grpc.health.v1`: of each service, and of the server as a whole under the empty name. */
export class ServingState {
  readonly #serving = new Map<string, boolean>();
  #changed = Promise.withResolvers<void>();
  #isOver = false;

  constructor(services: readonly string[]) {
    for (const name of ['', ...services]) this.#serving.set(name, true);
  }

  set(service: string, serving: boolean): void {
    if (this.#isOver || this.#serving.get(service) === serving) return;
    this.#serving.set(service, serving);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Nothing is served any more, whatever is said later. */
  end(): void {
    for (const name of this.#serving.keys()) this.set(name, false);
    this.#isOver = true;
  }

  status(service: string): Status | undefined {
    const serving = this.#serving.get(service);
    return serving === undefined ? undefined : serving ? Status.SERVING : Status.NOT_SERVING;
  }

  get services(): string[] {
    return [...this.#serving.keys()];
  }

  /** Resolves at the next change of any service. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }
}

/** The standard gRPC health service, which load balancers and orchestrators ask. */
export function healthService(state: ServingState): Pick<ServiceImpl<typeof Health>, 'check' | 'watch' | 'list'> {
  return {
    check({ service }) {
      const status = state.status(service);
      if (status === undefined) throw new ConnectError(`no service ${service} here`, Code.NotFound);
      return { status };
    },
    list: () => ({ statuses: Object.fromEntries(state.services.map((service) => [service, { status: state.status(service)! }])) }),
    async *watch({ service }, { signal }) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      for (let last: Status | undefined; !signal.aborted; ) {
        const changed = state.changed();
        const status = state.status(service) ?? Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status: (last = status) };
        else await Promise.race([changed, aborted]);
      }
    },
  };
}
