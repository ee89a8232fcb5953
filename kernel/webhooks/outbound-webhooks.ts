import type { CloudEvent } from '../events/cloud-event.ts';
import type { Sender } from '../module/sender.ts';

/** Tells other systems of events. `sys-core` implements it; the kernel asks it in the name of that module, across orgs. */
export interface OutboundWebhooks extends Sender {
  /** The full names of the events that somebody wants to be told of, now. */
  wanted(): Promise<readonly string[]>;
  /** Keeps an event for whoever wants it: what it writes commits together with the note that the event came. */
  take(event: CloudEvent): Promise<void>;
}

/** The handler that takes events for other systems, as the queue knows it. */
export const OUTBOUND_HANDLER = 'webhooks';
