import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '../data/database.ts';
import { currentTime } from '../data/current-time.ts';
import { schemaOf } from '../data/names.ts';
import { runInCall } from '../guard/call.ts';
import type { Module } from '../module/define-module.ts';
import type { WebhookReceipt, WebhookRequest } from '../module/operations.ts';
import { webhookErrors, type ReceivedWebhook } from './signature.ts';
import { webhookJob, type WebhookDeclaration } from './webhook.ts';

/** A module that takes webhooks, with what they need. */
export interface WebhookPlace {
  module: Module;
  context: unknown;
  database: Database<any>;
  /** In a shard: which orgs are here. */
  ownsOrg?: (orgId: string) => boolean;
}

/**
 * Checks a webhook of a module here and keeps it: its id in the inbox and its job commit together, so that what was
 * acknowledged is never lost, and what is sent again has no effect. Undefined if the module, or the org that it is about, is not here.
 * Throws `kernel.WEBHOOK_…` for what is not signed or not valid.
 */
export async function receiveWebhook(places: readonly WebhookPlace[], { module: name, name: wanted, traceId, ...received }: WebhookRequest): Promise<WebhookReceipt | undefined> {
  const place = places.find(({ module }) => module.name === name);
  if (!place) return undefined;
  const { module, context, database, ownsOrg } = place;
  const declared = (module.webhooks as WebhookDeclaration<any>[] | undefined)?.find((each) => each.name === wanted);
  if (!declared) throw webhookErrors.WEBHOOK_UNKNOWN({ module: name, name: wanted });
  const secrets = declared.secrets(context).filter((secret) => secret !== '');
  if (secrets.length === 0) throw webhookErrors.WEBHOOK_NOT_SET_UP({ module: name, name: wanted });
  const id = declared.scheme(received, secrets, currentTime());
  const payload = payloadOf(declared, received);
  const orgId = declared.org?.(payload);
  if (orgId !== undefined && ownsOrg?.(orgId) === false) return undefined;
  const isNew = await runInCall({ principal: { kind: 'module', module: name, orgId }, ...(ownsOrg && { ownsOrg }), traceId }, () => database.write(async (tx) => {
    const { rows } = await sql`insert into ${sql.table(`${schemaOf(name)}_inbox`)} (event_id, handler) values (${uuidOf(id)}, ${`webhook:${wanted}`}) on conflict do nothing returning event_id`.execute(tx);
    if (rows.length > 0) await tx.enqueue(webhookJob(declared), { id, payload });
    return rows.length > 0;
  }));
  return { isNew };
}

function payloadOf({ payload }: WebhookDeclaration<any>, { body }: ReceivedWebhook): unknown {
  let given: unknown;
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw webhookErrors.WEBHOOK_PAYLOAD_INVALID({ because: 'it is no JSON in UTF-8' });
  }
  const checked = payload.safeParse(given);
  if (!checked.success) throw webhookErrors.WEBHOOK_PAYLOAD_INVALID({ because: checked.error.issues.map(({ path, message }) => `${path.join('.') || 'payload'}: ${message}`).join('; ') });
  return checked.data;
}

/** The inbox knows what it has had by UUIDs. */
const uuidOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 32);
