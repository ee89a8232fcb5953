import type { Generated, GeneratedAlways, Selectable } from 'kysely';

export type StateName = 'PENDING' | 'FULFILLED' | 'FAILED';
export type MethodName = 'APP' | 'EMAIL' | 'SMS';

/** The module's tables, as Kysely takes them; `org_id` is set by the database. */
export interface Tables {
  mod_promist_contacts: {
    id: Generated<string>;
    owner_id: string;
    name: string;
    name_order: GeneratedAlways<string>;
    email: Generated<string>;
    version: Generated<number>;
    create_time: Generated<Date>;
    update_time: Generated<Date>;
  };
  mod_promist_promises: {
    id: Generated<string>;
    owner_id: string;
    title: string;
    description: Generated<string>;
    made_at: Generated<Date>;
    due_time: Date | null;
    /** `infinity` arrives as a number. */
    due_order: GeneratedAlways<Date | number>;
    promisee_name: Generated<string>;
    promisee_contact_id: string | null;
    promisee_account_id: string | null;
    tags: Generated<string[]>;
    state: Generated<StateName>;
    settled_at: Date | null;
    archived: Generated<boolean>;
    delete_time: Date | null;
    source_key: string | null;
    source_hash: string | null;
    version: Generated<number>;
    create_time: Generated<Date>;
    update_time: Generated<Date>;
  };
  mod_promist_shares: {
    promise_id: string;
    account_id: string;
    permission: 'VIEW' | 'KEEP';
    create_time: Generated<Date>;
  };
  mod_promist_reminders: {
    id: Generated<string>;
    promise_id: string;
    time: Date;
    recurrence: Generated<string>;
    time_zone: Generated<string>;
    method: Generated<MethodName>;
    next_time: Date | null;
  };
  mod_promist_changes: {
    id: Generated<string>;
    promise_id: string;
    account_id: string;
    time: Generated<Date>;
    field: string;
    before: Generated<string>;
    after: Generated<string>;
  };
  mod_promist_notifications: {
    id: Generated<string>;
    account_id: string;
    kind: 'REMINDER' | 'SHARED' | 'MADE_TO_YOU';
    promise_id: string;
    title: string;
    method: Generated<MethodName>;
    state: Generated<'DELIVERED' | 'WAITING'>;
    reminder_id: string | null;
    fire_time: Date | null;
    create_time: Generated<Date>;
    read_time: Date | null;
  };
}

export type PromiseRow = Selectable<Tables['mod_promist_promises']>;
export type ReminderRow = Selectable<Tables['mod_promist_reminders']>;
