import type { z } from 'zod';
import { job, type JobDeclaration } from '../module/job.ts';
import type { WebhookScheme } from './signature.ts';

export interface WebhookOptions<N, P> {
  /** How it is signed. */
  scheme: WebhookScheme;
  /** With what: the secrets that count now, two while they are changed. A webhook without any is refused. */
  secrets: (needs: N) => readonly string[];
  /** Checks what it brings, which is JSON. */
  payload: z.ZodType<P>;
  /** The org that it is about, if it is about one: the handler runs there. */
  org?: (payload: P) => string | undefined;
}

/** What a handler of a webhook gets. */
export interface WebhookDelivery<P> {
  /** The sender's id of it. */
  id: string;
  payload: P;
}

/** A webhook that a module takes, at `POST /v1/webhooks/in/<module>/<name>`. */
export interface WebhookDeclaration<N, P = any> extends WebhookOptions<N, P> {
  /** Unique in the module; kebab-case. */
  name: string;
  handle: (needs: N, delivery: WebhookDelivery<P>) => Promise<void>;
}

/**
 * Declares a webhook. What is signed rightly and new is kept as a job of the module before it is acknowledged; the handler runs as
 * that job, takes effect once, and is tried again if it fails.
 */
export function webhook<N, P>(name: string, options: WebhookOptions<N, P>, handle: (needs: N, delivery: WebhookDelivery<P>) => Promise<void>): WebhookDeclaration<N, P> {
  return { name, ...options, handle };
}

/** The job as which a webhook is handled. */
export const webhookJob = <N>({ name, handle }: WebhookDeclaration<N>): JobDeclaration<N, any> => job(`webhook:${name}`, (needs: N, delivery: WebhookDelivery<any>) => handle(needs, delivery));
