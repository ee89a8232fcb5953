import { queryFields } from '@mainstay/kernel';
import { sql } from 'kysely';
import { ChangeSchema, PromiseSchema } from '../../contract/index.ts';

/** Where the fields of promises lie that lists are filtered and ordered by; `p` are the promises. All begin with an index of the owner, the promisee or the share. */
export const promiseFields = queryFields(
  PromiseSchema,
  {
    title: { column: 'p.title', order: sql`lower(p.title)` },
    description: 'p.description',
    made_at: { column: 'p.made_at', required: true },
    due_time: { column: 'p.due_time', order: 'p.due_order' },
    promisee: sql`(p.promisee_name <> '' or p.promisee_contact_id is not null or p.promisee_account_id is not null)`,
    'promisee.name': 'p.promisee_name',
    'promisee.contact_id': { column: 'p.promisee_contact_id', uuid: true },
    'promisee.account_id': { column: 'p.promisee_account_id', uuid: true },
    tags: 'p.tags',
    state: 'p.state',
    archived: 'p.archived',
    owner_account_id: { column: 'p.owner_id', uuid: true },
    create_time: 'p.create_time',
    update_time: 'p.update_time',
  },
  { id: 'p.id', search: ['p.title', 'p.description', 'p.promisee_name'] },
);

/** The same for the history of a promise. Ids come in the order of time. */
export const changeFields = queryFields(ChangeSchema, { account_id: { column: 'account_id', uuid: true }, field: 'field', time: { column: 'time', order: 'id' } });
