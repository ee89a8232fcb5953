import type { IncomingHttpHeaders } from 'node:http';
import { create, type DescMethod, type DescMethodStreaming, type DescMethodUnary } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admitted, Arrived, Gateway } from '../gateway/gateway.ts';
import type { Guard } from '../guard/guard.ts';
import { accessOf } from '../module/check-modules.ts';
import { oneMessage } from '../placement/one-message.ts';
import { bodyLimitOf, limitBody, refuseAnnounced } from './body-limit.ts';
import { capTimeout } from './call-timeout.ts';
import { callHeaders } from './forwarded-headers.ts';
import type { ServedService } from './http-server-options.ts';
import { peerOf, peerValues, setPeer } from './peer.ts';
import { refuseCall } from './refuse-call.ts';

interface DoorOptions {
  gateway: Gateway;
  guard: () => Guard;
  services: readonly ServedService[];
  transport: Transport;
  bodyLimitBytes: number;
}

const arrivedKey = Symbol('what the gateway knows of a request');
type GatewayRequest = FastifyRequest & { [arrivedKey]?: Arrived };

/** Leads what comes to the port past the gateway: every request first of all, and every call as soon as its method is known. */
export class GatewayDoor {
  readonly gateway: Gateway;
  readonly #options: DoorOptions;
  readonly #byPath = new Map<string, DescMethod>();
  readonly #modules = new Map<DescMethod, string>();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.gateway = options.gateway;
    for (const { service, module } of options.services) {
      for (const method of service.methods) {
        this.#byPath.set(`/${service.typeName}/${method.name}`, method);
        this.#modules.set(method, module);
      }
    }
  }

  /** Stands in front of every route of the port. */
  guardRoutes(app: FastifyInstance): void {
    app.addHook('onRequest', (request, reply, done) => void enter(reply, () => this.#enter(request, reply), done));
  }

  /**
   * Lets the call of a method in, or throws, before its body is read. Gives a promise only where it had to ask.
   */
  admit(request: FastifyRequest, reply: FastifyReply, method: DescMethod): void | Promise<void> {
    const header = callHeaders(request.headers, method);
    const admitted = this.#options.gateway.admit(method, { header, target: { method: request.method, url: request.url }, setHeader: (name, value) => void reply.header(name, value) }, (request as GatewayRequest)[arrivedKey]!);
    if (admitted instanceof Promise) return admitted.then((known) => this.#note(request, method, header, known));
    return this.#note(request, method, header, admitted);
  }

  /** The same for a call on a socket, whose headers are its own. */
  async admitOnSocket(request: FastifyRequest, method: DescMethod, header: Headers): Promise<Admitted> {
    const admitted = await this.#options.gateway.admit(method, { header, onSocket: true, setHeader: () => {} }, (request as GatewayRequest)[arrivedKey]!);
    if (admitted.timeoutMs !== undefined) {
      const timeouts: IncomingHttpHeaders = Object.fromEntries(header);
      capTimeout(timeouts, admitted.timeoutMs);
      header.set('connect-timeout-ms', String(timeouts['connect-timeout-ms']));
    }
    return admitted;
  }

  /** The domain that a request came by, and what is served there. */
  placeOf(request: FastifyRequest): { domain: string | undefined; serves: (method: DescMethod) => boolean } {
    const arrived = (request as GatewayRequest)[arrivedKey]!;
    return { domain: arrived.domain, serves: (method) => this.gateway.serves(method, arrived) };
  }

  #enter(request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const [path] = request.url.split('?', 1) as [string];
    const setHeader = (name: string, value: string) => void reply.header(name, value);
    const arrived = this.#options.gateway.arrive({ method: request.method, url: request.url, path, headers: request.headers, address: request.ip, encrypted: isEncrypted(request), setHeader });
    return arrived instanceof Promise ? arrived.then((known) => this.#goOn(request, reply, path, known)) : this.#goOn(request, reply, path, arrived);
  }

  #goOn(request: FastifyRequest, reply: FastifyReply, path: string, arrived: Arrived): void | Promise<void> {
    (request as GatewayRequest)[arrivedKey] = arrived;
    setPeer(request, arrived);
    if (arrived.answer) return void reply.code(arrived.answer.status).send();
    const method = this.#byPath.get(path);
    return method && request.method !== 'OPTIONS' ? this.admit(request, reply, method) : undefined;
  }

  #note(request: FastifyRequest, method: DescMethod, header: Headers, { principal, timeoutMs, bodyLimitBytes }: Admitted): void | Promise<void> {
    if (principal) peerOf(request).principal = principal;
    if (timeoutMs !== undefined) capTimeout(request.raw.headers, timeoutMs);
    if (bodyLimitBytes !== undefined) limitBody(request, bodyLimitBytes);
    const takesOne = method.methodKind === 'unary' || method.methodKind === 'server_streaming';
    if (takesOne && header.get('authorization') === null && accessOf(method)?.rule.case !== 'public') return this.#refuseNobody(request, method, header);
  }

  /**
   * Refuses a call without credentials that needs some. The method's own door does it, so that its error, its
   * numbers and its line in the log are those of any refused call; whatever takes a stream is refused there before it is read anyway.
   */
  async #refuseNobody(request: FastifyRequest, method: DescMethod, header: Headers): Promise<void> {
    const { guard, transport, bodyLimitBytes } = this.#options;
    refuseAnnounced(request, bodyLimitOf(request, method.input, bodyLimitBytes));
    const { allowed } = await guard().decide({ principal: { kind: 'anonymous' }, module: this.#modules.get(method)!, method, access: accessOf(method)! });
    if (allowed) return;
    const message = create(method.input);
    if (method.methodKind === 'unary') await transport.unary(method as DescMethodUnary, undefined, undefined, header, message as never, peerValues(request));
    else for await (const _ of (await transport.stream(method as DescMethodStreaming, undefined, undefined, header, oneMessage(message) as never, peerValues(request))).message) break;
  }
}

/** Runs a step of the gateway's; what it refuses is answered in the words of the request's protocol. */
function enter(reply: FastifyReply, step: () => void | Promise<void>, done: () => void): void {
  const goOn = () => {
    if (!reply.sent) done();
  };
  try {
    const pending = step();
    if (pending) pending.then(goOn, (error: unknown) => void refuseCall(reply, error));
    else goOn();
  } catch (error) {
    refuseCall(reply, error);
  }
}

function isEncrypted({ raw }: FastifyRequest): boolean {
  return (raw.socket as { encrypted?: boolean }).encrypted === true;
}
