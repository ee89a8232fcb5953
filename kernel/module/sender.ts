/** What a module sends to the outside, beside the queue. The kernel asks it in the name of its module, across orgs. */
export interface Sender {
  /** Begins to send what is due. The kernel calls it twice a second, and again only once it has returned. */
  sendDue(): Promise<void>;
  /** Begins nothing more, and waits for what is on its way, or gives it up after a few seconds. */
  stop(): Promise<void>;
}
