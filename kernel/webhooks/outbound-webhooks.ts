import type { CloudEvent } from '../events/cloud-event.ts';

/** Tells other systems of events. `sys-core` implements it; the kernel asks it in the name of that module, across orgs. */
export interface OutboundWebhooks {
  /** The full names of the events that somebody wants to be told of, now. */
  wanted(): Promise<readonly string[]>;
  /** Keeps an event for whoever wants it: what it writes commits together with the note that the event came. */
  take(event: CloudEvent): Promise<void>;
  /** Begins to send what is due. The kernel calls it twice a second, and again only once it has returned. */
  sendDue(): Promise<void>;
  /** Begins nothing more, and waits for what is on its way, or gives it up after a few seconds. */
  stop(): Promise<void>;
}

/** The handler that takes events for other systems, as the queue knows it. */
export const OUTBOUND_HANDLER = 'webhooks';
