import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectError, HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { defineErrors, withViolations } from '../errors/define-errors.ts';
import { Failure, type EchoService, type Specimen } from './contract/gen/mainstay/testing/v1/echo_pb.js';

/** What the handlers of one echo service did, for a test to look at. */
export interface EchoWatch {
  /** Handlers that have begun and not ended. */
  running: number;
  /** Numbers that `Count` has produced, over all calls. */
  produced: number;
  /** The context of the latest call. */
  context?: HandlerContext;
  /** Set by a test that looks for faults of the code: none is made on request. */
  faultless?: boolean;
  /** What `timeoutMs()` said when the latest call began. */
  timeoutMs?: number;
  /** The specimen that the latest `Echo` or `CreateEcho` was given. */
  specimen?: Specimen;
}

const errors = defineErrors('testing', {
  ECHO_REFUSED: ['FailedPrecondition', 'no echo of {text}: ask for another'],
});

/**
 * Implements the echo service. The request header `echo-header` comes back as a header and, as `echo-trailer`,
 * as a trailer.
 */
export function echoService(watch: EchoWatch = { running: 0, produced: 0 }): ServiceImpl<typeof EchoService> {
  const watched = async <T>(context: HandlerContext, work: () => Promise<T>): Promise<T> => {
    begin(watch, context);
    try {
      return await work();
    } finally {
      watch.running--;
    }
  };
  return {
    echo: ({ text, specimen, delayMs, failure }, context) =>
      watched(context, async () => {
        watch.specimen = specimen;
        await pause(delayMs, context);
        failIfAsked(failure, text, watch);
        return { text, specimen };
      }),
    getEcho: ({ text, numbers, time, part }, context) => watched(context, async () => ({ text, specimen: { numbers: numbers.map(BigInt), time, part } })),
    createEcho: ({ text, specimen }, context) =>
      watched(context, async () => {
        watch.specimen = specimen;
        return { text, specimen };
      }),
    async *count({ to, delayMs, payloadBytes, failure }, context) {
      begin(watch, context);
      try {
        for (let number = 1; number <= to; number++) {
          await pause(delayMs, context);
          watch.produced++;
          yield { number, payload: randomBytes(payloadBytes) };
        }
        failIfAsked(failure, 'numbers', watch);
      } finally {
        watch.running--;
      }
    },
    sum: (requests, context) =>
      watched(context, async () => {
        let sum = 0n;
        let count = 0;
        for await (const { number } of requests) {
          sum += number;
          count++;
        }
        return { sum: BigInt.asIntN(64, sum), count };
      }),
    async *converse(requests, context) {
      begin(watch, context);
      try {
        for await (const { text } of requests) {
          failIfAsked(text === 'fail' ? Failure.KNOWN : Failure.UNSPECIFIED, text, watch);
          yield { text };
        }
      } finally {
        watch.running--;
      }
    },
    whisper: ({ text }, context) => watched(context, async () => ({ text })),
  };
}

function begin(watch: EchoWatch, context: HandlerContext) {
  watch.running++;
  watch.context = context;
  watch.timeoutMs = context.timeoutMs();
  const header = context.requestHeader.get('echo-header');
  if (header) {
    context.responseHeader.set('echo-header', header);
    context.responseTrailer.set('echo-trailer', header);
  }
}

/** Throws the reason of the signal when the caller leaves meanwhile. */
async function pause(milliseconds: number, { signal }: HandlerContext) {
  if (milliseconds === 0) return;
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function failIfAsked(failure: Failure, text: string, { faultless = false }: EchoWatch) {
  if (failure === Failure.FAULT && !faultless) throw new Error('the fault’s own text: secret');
  if (failure === Failure.KNOWN) throw refusal(text);
}

function refusal(text: string): ConnectError {
  const error = withViolations(errors.ECHO_REFUSED({ text }), [{ field: 'text', description: 'must be another', reason: 'testing.other' }]);
  error.metadata.set('echo-metadata', 'kept');
  return error;
}
