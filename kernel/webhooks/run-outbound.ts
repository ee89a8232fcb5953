import { runInCall } from '../guard/call.ts';
import type { Logger } from '../telemetry/log.ts';
import { newTraceId } from '../telemetry/trace-context.ts';
import type { OutboundWebhooks } from './outbound-webhooks.ts';

const LOOK_MILLISECONDS = 500;

/** Outbound webhooks whose every method runs as the work of their module, over all orgs. */
export function outboundOf(module: string, outbound: OutboundWebhooks): OutboundWebhooks {
  const asModule = <R>(work: () => R) => runInCall({ principal: { kind: 'module', module }, acrossOrgs: true, traceId: newTraceId() }, work);
  // What is taken runs in the event's own call, whose transaction it joins.
  return { wanted: () => asModule(() => outbound.wanted()), take: (event) => outbound.take(event), sendDue: () => asModule(() => outbound.sendDue()), stop: () => asModule(() => outbound.stop()) };
}

/** Lets what is due be sent, twice a second, until it is stopped. */
export function runOutbound(outbound: OutboundWebhooks, log: Logger): { stop(): Promise<void> } {
  let isOver = false;
  let looking = Promise.resolve();
  const look = () => outbound.sendDue().catch((error: unknown) => {
    if (!isOver) log.warn({ err: error }, 'webhooks that are due could not be sent: it is tried again');
  });
  const timer = setInterval(() => {
    if (!isLooking) looking = begin();
  }, LOOK_MILLISECONDS);
  let isLooking = false;
  const begin = async () => {
    isLooking = true;
    await look();
    isLooking = false;
  };
  return {
    async stop() {
      isOver = true;
      clearInterval(timer);
      await looking;
      await outbound.stop();
    },
  };
}
