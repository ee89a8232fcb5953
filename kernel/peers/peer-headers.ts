import type { Call } from '../guard/call.ts';
import type { Guard } from '../guard/guard.ts';
import { introductionHeader } from '../guard/introduction.ts';
import type { Principal } from '../guard/principal.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { requestIdHeader } from '../telemetry/request-id.ts';
import { continueTrace, parseTraceContext, traceparentOf, type TraceContext } from '../telemetry/trace-context.ts';

/** The network address of whoever called from outside. */
const clientHeader = 'mainstay-client';

/** What the kernel itself calls its peers as. */
export const kernelCall = (): Call => ({ principal: { kind: 'module', module: 'kernel' }, callerModule: 'kernel', traceId: '0'.repeat(32) });

interface Route {
  guard: Guard;
  /** The process that calls, and the one that is called. */
  from: string;
  to: string;
}

/** Adds to the headers of a call to another process what travels with it beside the message: who calls, in which trace, under which key. */
export function depart(call: Call, header: Record<string, string>, { guard, from, to }: Route): void {
  const { callerModule, principal, trace, requestId, idempotencyKey, clientAddress, ifMatch } = call;
  const said = guard.introduce!({ process: from, ...(callerModule !== undefined && { module: callerModule }), principal }, to);
  if (said.length < PART) header[introductionHeader] = said;
  else divide(said, header);
  if (trace) {
    header.traceparent = traceparentOf(trace);
    if (trace.state) header.tracestate = trace.state;
  }
  if (requestId !== undefined) header[requestIdHeader] = requestId;
  if (idempotencyKey !== undefined) header['idempotency-key'] = idempotencyKey;
  if (clientAddress !== undefined) header[clientHeader] = clientAddress;
  if (ifMatch !== undefined && callerModule === undefined) header['if-match'] = ifMatch;
}

/** Node's HTTP/2 takes 64 KiB of one header, and ends the connection beyond that. */
const PART = 28 * 1024;
/** All of them leave room for the other headers. */
const MOST_PARTS = 4;

const partHeader = (number: number): string => (number === 0 ? introductionHeader : `${introductionHeader}-${number}`);

/** Says it in several headers: all are full but the last, which may be empty. */
function divide(said: string, header: Record<string, string>): void {
  const parts = Math.floor(said.length / PART) + 1;
  if (parts > MOST_PARTS) throw kernelErrors.TOO_MANY_ROLES();
  for (let number = 0; number < parts; number++) header[partHeader(number)] = said.slice(number * PART, (number + 1) * PART);
}

function whole(header: Headers, first: string): string {
  let said = first;
  for (let number = 1; said.length === number * PART && number < MOST_PARTS; number++) said += header.get(partHeader(number)) ?? '';
  return said;
}

/** The call that another process makes here. Throws `unauthenticated` if nothing proves that one does. */
export function arrive(header: Headers, guard: Guard, here: string): Call {
  let said = header.get(introductionHeader);
  if (said?.length === PART) said = whole(header, said);
  if (said === null) throw kernelErrors.UNAUTHENTICATED({ because: 'this address is for the processes of the deployment; call its public one' });
  const { module, principal } = guard.recognise!(said, here);
  return new ArrivedCall(header, module, principal);
}

/** Reads from the headers only what is asked for. */
class ArrivedCall implements Call {
  readonly principal: Principal;
  readonly callerModule: string | undefined;
  readonly #header: Headers;
  #trace: TraceContext | undefined;

  constructor(header: Headers, module: string | undefined, principal: Principal) {
    this.principal = principal;
    this.callerModule = module;
    this.#header = header;
  }

  get trace(): TraceContext {
    return (this.#trace ??= parseTraceContext(this.#header.get('traceparent'), this.#header.get('tracestate')) ?? continueTrace(undefined));
  }

  get traceId() {
    return this.trace.traceId;
  }

  get requestId() {
    return this.#header.get(requestIdHeader) ?? undefined;
  }

  get idempotencyKey() {
    return this.#header.get('idempotency-key') ?? undefined;
  }

  get clientAddress() {
    return this.#header.get(clientHeader) ?? undefined;
  }

  /** Of a call from outside that was passed on; modules pass none on. */
  get ifMatch() {
    return this.callerModule === undefined ? (this.#header.get('if-match') ?? undefined) : undefined;
  }
}
