import { queryFields } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AuditEntrySchema, DeadLetterSchema, FileSchema, SagaSchema, SettingChangeSchema, WebhookDeliverySchema } from '../contract/index.ts';

/** Who acted, if an account did; an index has the same expression. */
export const actingAccount = sql<string | null>`(case principal_kind when 'account' then principal_id end)`;

/** Where the fields lie that the module's lists are filtered and ordered by. */
export const listFields = {
  auditEntries: queryFields(
    AuditEntrySchema,
    {
      time: { column: 'time', required: true },
      module: 'module',
      method: 'method',
      outcome: 'outcome',
      account_id: actingAccount,
      actor_account_id: 'actor_account_id',
      org_id: { column: 'org_id', uuid: true },
      client_address: 'client_address',
      trace_id: 'trace_id',
    },
    { id: 'sequence' },
  ),
  deadLetters: queryFields(DeadLetterSchema, { module: 'module', job: 'job', attempts: 'attempts', queue_time: { column: 'queued_at', order: 'id' }, fail_time: { column: 'failed_at', required: true } }),
  files: queryFields(
    FileSchema,
    {
      name: 'name',
      content_type: 'content_type',
      size: 'size',
      sha256: 'sha256',
      owner_account_id: { column: 'owner_account_id', uuid: true },
      visibility: 'visibility',
      // Ids come in the order of time.
      create_time: { column: 'create_time', order: 'id' },
    },
    { search: ['name'] },
  ),
  sagas: queryFields(SagaSchema, { module: 'module', saga: 'saga', org_id: { column: 'org_id', uuid: true }, state: sql`('SAGA_' || state)`, start_time: { column: 'started_at', required: true } }),
  webhookDeliveries: queryFields(WebhookDeliverySchema, { webhook_endpoint_id: { column: 'endpoint_id', uuid: true }, event_id: 'event_id', event_type: 'event_type', outcome: 'outcome', create_time: { column: 'create_time', required: true } }),
  settingChanges: queryFields(
    SettingChangeSchema,
    { module: 'module', key: 'key', account_id: { column: 'account_id', uuid: true }, actor_account_id: { column: 'actor_account_id', uuid: true }, time: { column: 'time', required: true } },
    { id: 'revision', search: ['reason'] },
  ),
};
