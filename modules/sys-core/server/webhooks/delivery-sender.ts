import { setTimeout as sleep } from 'node:timers/promises';
import { currentTime, postOnce, signStandard, type PostResult } from '@mainstay/kernel';
import { claimDeliveries, isAnyDue, type ClaimedDelivery } from './claim-deliveries.ts';
import { recordTry } from './record-try.ts';
import { unsealSecret } from './webhook-secret.ts';
import { isStrict } from './webhook-url.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

const STOP_MILLISECONDS = 4000;

const unreadable: PostResult = { status: 0, problem: 'its secret was kept under another secret of the deployment: rotate it', excerpt: '', milliseconds: 0 };

/** Sends the deliveries that are due, several at once, apart from the queue of jobs: endpoints that do not answer hold up nothing but themselves. */
export class DeliverySender {
  readonly #needs: WebhooksNeeds;
  readonly #sending = new Set<Promise<void>>();
  readonly #givingUp = new AbortController();
  #looking: Promise<void> | undefined;
  #isOver = false;

  constructor(needs: WebhooksNeeds) {
    this.#needs = needs;
  }

  /** Begins to send what is due. */
  sendDue(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  async #look(): Promise<void> {
    const { db, config: { webhooks } } = this.#needs;
    while (!this.#isOver && this.#sending.size < webhooks.atOnce && (await db.read(isAnyDue))) {
      const claimed = await claimDeliveries(this.#needs, webhooks.atOnce - this.#sending.size);
      if (claimed.length === 0) return;
      for (const delivery of claimed) this.#begin(delivery);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    const all = Promise.all(this.#sending);
    const late = await Promise.race([all.then(() => false), sleep(STOP_MILLISECONDS, true, { ref: false })]);
    if (late) this.#givingUp.abort();
    await all;
  }

  #begin(delivery: ClaimedDelivery): void {
    const failed = (message: string) => (error: unknown) => this.#needs.log.warn({ err: error, webhookDeliveryId: delivery.id }, message);
    const sent = this.#send(delivery).catch(failed('what became of a webhook could not be noted: it is sent again'));
    this.#sending.add(sent);
    // Whatever waited for its place goes next, not at the next look.
    void sent.then(() => this.#sending.delete(sent)).then(() => this.sendDue()).catch(failed('webhooks that are due could not be sent: it is tried again'));
  }

  async #send(delivery: ClaimedDelivery): Promise<void> {
    const { config: { webhooks }, deployment } = this.#needs;
    const time = currentTime();
    const secrets = this.#secretsOf(delivery, time);
    if (secrets.length === 0) return recordTry(this.#needs, delivery, time, unreadable);
    const result = await postOnce({
      url: delivery.url,
      headers: signedHeaders(delivery, secrets, time),
      body: delivery.body,
      timeoutMilliseconds: webhooks.timeoutSeconds * 1000,
      strict: isStrict(deployment.phase),
      signal: this.#givingUp.signal,
    });
    // The claim runs out, and another process sends it: this try is nobody's failure.
    if (result.status === 0 && this.#givingUp.signal.aborted) return;
    await recordTry(this.#needs, delivery, time, result);
  }

  /** None if they were sealed with another secret of the deployment. */
  #secretsOf({ endpoint_id, secret, previous_secret, previous_until }: ClaimedDelivery, now: Date): string[] {
    const old = previous_secret && previous_until && previous_until > now ? [previous_secret] : [];
    try {
      return [secret, ...old].map((sealed) => unsealSecret(this.#needs.deployment.secret, endpoint_id, sealed));
    } catch {
      return [];
    }
  }
}

function signedHeaders({ id, body }: ClaimedDelivery, secrets: readonly string[], time: Date): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1000));
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'user-agent': 'mainstay-webhooks',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => signStandard(secret, id, timestamp, body)).join(' '),
  };
}
