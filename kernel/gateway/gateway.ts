import type { DescMethod } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import type { AccessRule, RequestTarget } from '../guard/guard.ts';
import type { Principal } from '../guard/principal.ts';

/** A request from outside, before anything of its body was read. */
export interface OutsideRequest {
  method: string;
  /** Path and query, as they came. */
  url: string;
  /** The path alone. */
  path: string;
  headers: IncomingHttpHeaders;
  /** The other end of the connection: the client, or a proxy. */
  address: string;
  /** It came by TLS. */
  encrypted: boolean;
  /** Gives the answer a header, whatever it will be. */
  setHeader(name: string, value: string): void;
}

/** A request that the gateway has let in. */
export interface Arrived {
  /** Where the client is: the other end of the connection, or what a trusted proxy says of it. */
  address: string;
  /** The domain that it came by, for the log; absent if there is but one. */
  domain?: string;
  /** Answers the request here and now: a redirect, a preflight. */
  answer?: { status: number };
}

/** A call of a method, as soon as it is known which, and before its body is read. */
export interface OutsideCall {
  /** The headers of the request, or of one call on a socket. */
  header: Headers;
  /** One of many on a socket, whose upgrade was the request that arrived. */
  onSocket?: boolean;
  /** What the request asked for; absent for a call on a socket. */
  target?: RequestTarget;
  setHeader(name: string, value: string): void;
}

/** What the gateway found out about a call that it let in. */
export interface Admitted {
  /** Who calls; absent where nobody was asked. The same guard is not asked again. */
  principal?: Principal;
  /** How long the call may take, in milliseconds, whatever its caller would wait. */
  timeoutMs?: number;
  /** The largest message of it, in bytes, where that is less than the kernel's own limit. */
  bodyLimitBytes?: number;
}

/** Where the port speaks TLS, beside the plain one. */
export interface GatewayTls {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Certificate chain and key in PEM, as they are now. Throws if they can not be read. */
  read(): { cert: Buffer; key: Buffer };
  /** Calls back after they were changed, until it is stopped. */
  watch(changed: () => void): () => void;
  /** Told the port that was taken. */
  opened(port: number): void;
}

/**
 * The policies of the public door (R-080, R-096…R-098). `sys-gateway` implements them; the kernel's HTTP server asks, where
 * a process has a gateway. What it refuses, it throws. It answers at once wherever it can: each promise costs as much as it does.
 */
export interface Gateway {
  readonly tls?: GatewayTls;
  /** Every request, first of all. */
  arrive(request: OutsideRequest): Arrived | Promise<Arrived>;
  /** Every call of a method, after its request has arrived. */
  admit(method: DescMethod, call: OutsideCall, arrived: Arrived): Admitted | Promise<Admitted>;
  /** Whether a method is served by the name that a request came by; where it is not, its documentation is not either. */
  serves(method: DescMethod, arrived: Arrived): boolean;
  /** Whether pages of this origin may open a socket here, beside those of the same host. */
  allowsOrigin(origin: string): boolean;
}

/** What a gateway decides by. */
export interface GatewayFacts {
  /** The modules' services, wherever they run; complete once the process has started. */
  services(): readonly GatewayService[];
  /** The access rules of all modules. */
  rules: readonly AccessRule[];
  /** Who calls, from the headers: the guard's answer. Throws `unauthenticated` for credentials that do not hold. */
  authenticate(header: Headers, target?: RequestTarget): Principal | Promise<Principal>;
  /** The REST paths of a method, each behind its HTTP method: `GET /v1/things/{id}`. */
  restPaths(method: DescMethod): string[];
  /** Whether the requests of a method may carry files. */
  carriesContent(method: DescMethod): boolean;
  /** Where a module runs: the names of its instances, and into how many shards its orgs are divided, 0 if into none. */
  placeOf(module: string): { instances: string[]; shards: number };
  /** How many instances of the gateway share what is let through. */
  instances: number;
}

export interface GatewayService {
  module: string;
  typeName: string;
  methods: readonly DescMethod[];
}
