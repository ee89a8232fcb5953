import { runInCall } from '../guard/call.ts';
import type { Sender } from '../module/sender.ts';
import type { Logger } from '../telemetry/log.ts';
import { newTraceId } from '../telemetry/trace-context.ts';

const LOOK_MILLISECONDS = 500;

/** Runs the work of a module that sends, over all orgs. */
export const asSender = <R>(module: string, work: () => R): R => runInCall({ principal: { kind: 'module', module }, acrossOrgs: true, traceId: newTraceId() }, work);

/** A sender whose every method runs as the work of its module. */
export const senderOf = (module: string, sender: Sender): Sender => ({ sendDue: () => asSender(module, () => sender.sendDue()), stop: () => asSender(module, () => sender.stop()) });

/** Lets what is due be sent, twice a second, until it is stopped. */
export function runSender(sender: Sender, log: Logger): Pick<Sender, 'stop'> {
  let isOver = false;
  let looking = Promise.resolve();
  const look = () => sender.sendDue().catch((error: unknown) => {
    if (!isOver) log.warn({ err: error }, 'what is due could not be sent: it is tried again');
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
      await sender.stop();
    },
  };
}
