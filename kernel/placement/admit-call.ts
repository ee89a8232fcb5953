import { randomBytes } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { callKey, type Call } from '../guard/call.ts';
import type { Guard } from '../guard/guard.ts';
import { accessOf } from '../module/check-modules.ts';

/** What every served method of a module stands behind. */
export interface Admission {
  /** The module that serves the method. */
  module: string;
  guard: () => Guard;
}

/**
 * Lets a call in, or throws: finds out who calls and asks the guard, wherever the call comes from.
 * Another module of this process vouches for its caller by the context value `callKey`; a call from
 * outside proves itself by its headers.
 */
export async function admitCall(method: DescMethod, context: HandlerContext, { module, guard }: Admission): Promise<Call> {
  const vouched = context.values.get(callKey);
  const principal = vouched ? vouched.principal : await guard().authenticate(context.requestHeader);
  const decision = await guard().decide({ principal, callerModule: vouched?.callerModule, module, method, access: accessOf(method)! });
  if (!decision.allowed) {
    const refuse = principal.kind === 'anonymous' ? kernelErrors.UNAUTHENTICATED : kernelErrors.PERMISSION_DENIED;
    throw refuse({ because: decision.because });
  }
  const timeout = context.timeoutMs();
  return {
    principal,
    callerModule: vouched?.callerModule,
    acrossOrgs: decision.acrossOrgs,
    traceId: vouched?.traceId ?? traceIdOf(context.requestHeader),
    deadline: timeout === undefined ? undefined : Date.now() + timeout,
    signal: context.signal,
    idempotencyKey: context.requestHeader.get('idempotency-key') ?? undefined,
  };
}

/** The trace id of W3C `traceparent`, or a new one: 32 hexadecimal digits. */
export function traceIdOf(header: Headers): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(header.get('traceparent') ?? '')?.[1] ?? newTraceId();
}

export const newTraceId = (): string => randomBytes(16).toString('hex');
