import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, type ServiceImpl, type Transport } from '@connectrpc/connect';
import { InProcessTransport } from './in-process-transport.ts';
import { servedMethods, type ServedMethod } from './served-method.ts';

/** The services of this process, and the transport that calls them directly. Services may be added while it is in use. */
export class InProcessRegistry {
  /** By name, as on a wire: a contract may be loaded twice, as two descriptors. */
  readonly #methods = new Map<string, ServedMethod>();
  readonly #services = new Set<string>();
  readonly #found = new WeakMap<DescMethod, ServedMethod>();

  readonly transport: Transport = new InProcessTransport((method) => this.#find(method));

  /** Serves a service from now on. Throws if it is served already. */
  add<S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>): this {
    if (this.has(service)) throw new Error(`${service.typeName} is served twice in this process: remove one of the modules that serve it`);
    this.#services.add(service.typeName);
    for (const served of servedMethods(service, implementation)) this.#methods.set(pathOf(served.method), served);
    return this;
  }

  has(service: DescService): boolean {
    return this.#services.has(service.typeName);
  }

  /** The method of a path such as `mod.promist.v1.PromisesService/GetPromise`. */
  served(path: string): ServedMethod | undefined {
    return this.#methods.get(path);
  }

  #find(method: DescMethod): ServedMethod {
    const found = this.#found.get(method) ?? this.#methods.get(pathOf(method));
    if (!found) throw new ConnectError(`${pathOf(method)} is not served in this process`, Code.Unimplemented);
    this.#found.set(method, found);
    return found;
  }
}

const pathOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;
