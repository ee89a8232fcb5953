import type { DescMethod, DescService, JsonObject, JsonReadOptions, JsonValue, JsonWriteOptions } from '@bufbuild/protobuf';
import { ConnectError, createContextValues, type Transport } from '@connectrpc/connect';
import type { FastifyRequest } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import { callHeaders } from '../forwarded-headers.ts';
import type { GatewayDoor } from '../gateway-door.ts';
import { peerOf } from '../peer.ts';
import { httpErrors } from '../http-errors.ts';
import { parseJson } from '../rest/json-text.ts';
import { problemOf } from '../problem.ts';
import { peerKey, type Peer } from '../../guard/call.ts';
import { requestIdHeader, requestIdOf } from '../../telemetry/request-id.ts';
import { isObject } from '../rest/request-field.ts';
import { SocketCall } from './socket-call.ts';

const callsAtOnce = 100;
const longestId = 100;
const mostUnreadBytes = 64 * 1024 * 1024;

export interface SocketOptions {
  services: readonly DescService[];
  transport: Transport;
  json: Partial<JsonReadOptions & JsonWriteOptions>;
  /** Every call passes it first. */
  door?: GatewayDoor | undefined;
}

/** One client's WebSocket and the calls that are open on it. */
export class SocketConnection {
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #options: SocketOptions;
  readonly #calls = new Map<string, SocketCall>();
  readonly #methods: ReadonlyMap<string, DescMethod>;

  constructor(socket: WebSocket, request: FastifyRequest, options: SocketOptions) {
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
    this.#methods = methodsByPath(options);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.once('close', () => {
      for (const call of this.#calls.values()) call.cancel();
    });
  }

  /** Ends every call and closes the socket: the server stops. */
  stop(): void {
    for (const call of this.#calls.values()) call.cancel(httpErrors.STOPPING());
    // The calls' last frames go out first.
    setTimeout(() => this.#socket.close(1001, 'the server is stopping'), 50);
  }

  #receive(data: RawData, isBinary: boolean): void {
    let begins: string | undefined;
    try {
      if (isBinary) throw malformed('send text, not binary');
      const bytes = data as Buffer;
      const frame = frameOf(bytes);
      const id = idOf(frame);
      // With the id of another call, an error would say that this one has ended.
      if ('call' in frame && !this.#calls.has(id)) begins = id;
      this.#dispatch(id, frame, bytes.length);
    } catch (error) {
      void this.#send({ ...(begins !== undefined && { id: begins }), error: problemOf(error) as unknown as JsonObject });
    }
  }

  #dispatch(id: string, frame: JsonObject, bytes: number): void {
    const call = this.#calls.get(id);
    if ('call' in frame) {
      if (call) throw malformed(`a call with the id ${JSON.stringify(id)} is open already`);
      return this.#begin(id, frame, bytes);
    }
    if (!('message' in frame) && frame.end !== true && frame.cancel !== true) throw malformed(`it has none of call, message, end: true, cancel: true; its id is ${JSON.stringify(id)}`);
    // What the client sent before it could know that the call had ended.
    if (!call) return;
    if (frame.cancel === true) return call.cancel();
    if ('message' in frame && !call.takesMore) throw malformed(`the call ${JSON.stringify(id)} takes no more messages`);
    if ('message' in frame) call.push(messageOf(frame), bytes);
    if (frame.end === true) call.endInput();
  }

  #begin(id: string, frame: JsonObject, bytes: number): void {
    if (this.#calls.size >= callsAtOnce) throw httpErrors.TOO_MANY_CALLS({ limit: callsAtOnce });
    if (typeof frame.call !== 'string') throw malformed('call must be a string');
    const method = this.#methods.get(frame.call);
    if (!method) throw httpErrors.NO_SUCH_METHOD({ call: frame.call.slice(0, 200) });
    const header = callHeaders(this.#request.headers);
    addHeaders(header, frame.headers);
    header.set(requestIdHeader, requestIdOf(header.get(requestIdHeader) ?? undefined));
    const { transport, json, door } = this.#options;
    const peer: Peer = { address: peerOf(this.#request).address };
    const admit = door && (async () => void (peer.principal = (await door.admitOnSocket(this.#request, method, header)).principal));
    const call = new SocketCall(method, { transport, json, header, values: createContextValues().set(peerKey, peer), ...(admit && { admit }), send: (rest) => this.#send({ id, ...rest }) });
    if ('message' in frame || !call.streamsIn) call.push(messageOf(frame), bytes);
    if (frame.end === true || !call.streamsIn) call.endInput();
    this.#calls.set(id, call);
    void call.run().finally(() => this.#calls.delete(id));
  }

  /** Resolves when the frame is on its way, so that whoever sends in a loop goes no faster than the client reads. */
  #send(frame: JsonObject): Promise<void> {
    // Complaints about bad frames are sent without waiting: a client that never reads must not fill the memory.
    if (this.#socket.bufferedAmount > mostUnreadBytes) this.#socket.terminate();
    return new Promise((resolve) => this.#socket.send(JSON.stringify(frame), () => resolve()));
  }
}

const tables = new WeakMap<SocketOptions, Map<string, DescMethod>>();

function methodsByPath(options: SocketOptions): Map<string, DescMethod> {
  const made = tables.get(options) ?? new Map(options.services.flatMap(({ methods }) => methods).map((method) => [`${method.parent.typeName}/${method.name}`, method]));
  tables.set(options, made);
  return made;
}

function frameOf(bytes: Buffer): JsonObject {
  let frame: JsonValue;
  try {
    frame = parseJson(bytes);
  } catch (error) {
    throw malformed(ConnectError.from(error).rawMessage);
  }
  if (!isObject(frame)) throw malformed('it must be an object');
  return frame;
}

function idOf({ id }: JsonObject): string {
  if ((typeof id !== 'string' || id.length > longestId) && !Number.isSafeInteger(id)) throw malformed(`give an id: a string of at most ${longestId} characters, or a whole number`);
  return id as string;
}

function messageOf({ message = {} }: JsonObject): JsonObject {
  if (!isObject(message)) throw malformed('message must be an object');
  return message;
}

function addHeaders(header: Headers, more: JsonValue | undefined): void {
  if (more === undefined) return;
  if (!isObject(more)) throw malformed('headers must be an object of strings');
  for (const [name, value] of Object.entries(more)) {
    try {
      if (typeof value !== 'string') throw new TypeError('not a string');
      header.set(name, value);
    } catch {
      throw malformed(`the header ${JSON.stringify(name)} is not a valid name with a string`);
    }
  }
}

const malformed = (problem: string) => httpErrors.MALFORMED_FRAME({ problem });
