import { pino, type Logger } from 'pino';
import { currentCallIfAny } from '../guard/call.ts';

export type { Logger };

/** Structured logs, one JSON object a line, each with the trace id of the call it belongs to. */
export function createLog(options: { level?: string; destination?: string } = {}): Logger {
  return pino(
    {
      level: options.level ?? process.env.MAINSTAY_LOG_LEVEL ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => {
        const call = currentCallIfAny();
        return call ? { traceId: call.traceId } : {};
      },
      redact: { paths: ['password', '*.password', 'authorization', '*.authorization', 'refreshToken', '*.refreshToken', 'accessToken', '*.accessToken'], censor: '[redacted]' },
    },
    pino.destination({ dest: options.destination ?? 1, sync: true }),
  );
}
