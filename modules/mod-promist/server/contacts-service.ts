import type { ServiceImpl } from '@connectrpc/connect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, paginate, withViolations } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { Contact, ContactsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import type { Needs, Reader } from './needs.ts';
import { anywhere, isUuid } from './row-text.ts';

type Row = Selectable<Tables['mod_promist_contacts']>;

/** The caller's own contacts. */
export function contactsService({ db, deployment }: Needs): ServiceImpl<typeof ContactsService> {
  return {
    async createContact({ contact }) {
      const values = { owner_id: caller().accountId, name: checkedName(contact!.name), email: contact!.email };
      return message(await db.write((tx) => tx.insertInto('mod_promist_contacts').values(values).returningAll().executeTakeFirstOrThrow()));
    },

    async getContact({ contactId }) {
      return message(found(await db.read(async (q) => (isUuid(contactId) ? own(q).where('id', '=', contactId).executeTakeFirst() : undefined)), contactId));
    },

    async listContacts({ $typeName: list, q: words, pageSize, pageToken }) {
      const paging = { secret: deployment.secret, list, query: [caller().accountId, words], pageSize, pageToken, orderBy: [['name_order', 'asc'], ['id', 'asc']] as const };
      const { rows, nextPageToken } = await db.read((q) => {
        const matching = words ? own(q).where((eb) => eb.or([eb('name', 'ilike', anywhere(words)), eb('email', 'ilike', anywhere(words))])) : own(q);
        return paginate(matching, paging);
      });
      return { contacts: rows.map(message), nextPageToken };
    },

    async updateContact({ contact, updateMask }) {
      const { id, name, email } = contact!;
      const paths = updateMask?.paths.length ? updateMask.paths : [...(name ? ['name'] : []), ...(email ? ['email'] : [])];
      const unknown = paths.find((path) => !['name', 'email', '*'].includes(path));
      if (unknown) throw invalid('update_mask', 'may name name and email');
      const all = paths.includes('*');
      const values = { ...((all || paths.includes('name')) && { name: checkedName(name) }), ...((all || paths.includes('email')) && { email }), update_time: sql<Date>`now()` };
      return message(found(await db.write(async (tx) => (isUuid(id) ? tx.updateTable('mod_promist_contacts').set(values).where('id', '=', id).where('owner_id', '=', caller().accountId).returningAll().executeTakeFirst() : undefined)), id));
    },

    async deleteContact({ contactId }) {
      await db.write(async (tx) => {
        const contact = found(isUuid(contactId) ? await own(tx).where('id', '=', contactId).forUpdate().executeTakeFirst() : undefined, contactId);
        await tx.updateTable('mod_promist_promises').set({ promisee_contact_id: null, promisee_name: contact.name }).where('promisee_contact_id', '=', contactId).execute();
        await tx.deleteFrom('mod_promist_contacts').where('id', '=', contactId).execute();
      });
      return {};
    },
  };
}

const own = (q: Reader) => q.selectFrom('mod_promist_contacts').selectAll().where('owner_id', '=', caller().accountId);

function found(row: Row | undefined, contactId: string): Row {
  if (!row) throw errors.CONTACT_NOT_FOUND({ contactId });
  return row;
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (!trimmed) throw invalid('contact.name', 'must not be empty');
  return trimmed;
}

const invalid = (field: string, description: string) => withViolations(errors.INVALID_CONTACT({ summary: `${field} ${description}` }), [{ field, description }]);

const message = (row: Row): Omit<Contact, '$typeName' | '$unknown'> => ({
  id: row.id,
  name: row.name,
  email: row.email,
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});
