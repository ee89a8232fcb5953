import { pino, type Logger } from 'pino';
import { currentCallIfAny } from '../guard/call.ts';
import { cutText } from './cut-text.ts';
import { messageOf } from './redact-error.ts';
import { redactText } from './redact-text.ts';
import { redactFields } from './redact-value.ts';
import { lineWriter } from './write-line.ts';

export type { Logger };

/**
 * Structured logs, one JSON object a line, each with the ids of the trace and request it belongs to. Secrets and
 * personal data are left out by the type of what is logged, and what still looks like one is blotted out of the line.
 */
export function createLog(options: { level?: string; destination?: string; /** Which process of the deployment writes; each line tells it. */ process?: string } = {}): Logger {
  const write = lineWriter(options.destination);
  const log = pino(
    {
      level: options.level ?? process.env.MAINSTAY_LOG_LEVEL ?? 'info',
      base: options.process === undefined ? null : { process: options.process },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      hooks: { logMethod(args, method) { method.apply(this, withMessage(args).map((one) => (typeof one === 'string' ? cutText(one) : one)) as LogArguments); } },
      serializers: { err: (error: unknown) => error },
      mixin: () => {
        const call = currentCallIfAny();
        return call ? { traceId: call.traceId, ...(call.requestId !== undefined && { requestId: call.requestId }) } : {};
      },
    },
    { write: (line: string) => write(redactText(line)) },
  );
  // A formatter of bindings is asked for the first logger alone.
  const { child } = log;
  log.child = function (this: Logger, bindings: object, options: never) {
    return child.call(this, redactFields(bindings), options);
  } as Logger['child'];
  return log;
}

type LogArguments = Parameters<Logger['info']>;

/** Without a message of its own a line would get that of its error as it is. */
function withMessage(args: LogArguments): LogArguments {
  const [first, second] = args as unknown[];
  const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
  return second === undefined && error instanceof Error ? ([first, messageOf(error)] as unknown as LogArguments) : args;
}
