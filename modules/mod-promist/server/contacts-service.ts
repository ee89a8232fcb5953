import type { ServiceImpl } from '@connectrpc/connect';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { caller, etagOf, queryFields, readList, readMask, requireMatch, updatePaths, withViolations } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import { ContactSchema, type Contact, type ContactsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import type { Needs, Reader } from './needs.ts';
import { anywhere, isUuid } from './row-text.ts';

type Row = Selectable<Tables['mod_promist_contacts']>;

const fields = queryFields(
  ContactSchema,
  { name: { column: 'name', order: 'name_order' }, email: 'email', create_time: { column: 'create_time', required: true }, update_time: 'update_time' },
  { search: ['name', 'email'] },
);

/** The caller's own contacts. */
export function contactsService({ db, deployment }: Needs): ServiceImpl<typeof ContactsService> {
  return {
    async createContact({ contact }) {
      const values = { owner_id: caller().accountId, name: checkedName(contact!.name), email: contact!.email };
      return message(await db.write((tx) => tx.insertInto('mod_promist_contacts').values(values).returningAll().executeTakeFirstOrThrow()));
    },

    async getContact({ contactId, readMask: mask }) {
      const cut = readMask<Message>(ContactSchema, mask);
      return cut(message(await db.read((q) => findContact(own(q), contactId))));
    },

    async batchGetContacts({ contactIds, readMask: mask }) {
      const cut = readMask<Message>(ContactSchema, mask);
      const rows = await db.read((q) => own(q).where(sql<boolean>`id = any(${contactIds.filter(isUuid)}::uuid[])`).execute());
      const byId = new Map(rows.map((row) => [row.id, row]));
      return { contacts: contactIds.map((id, index) => cut(message(byId.get(id.toLowerCase()) ?? missing(id, index)))) };
    },

    async listContacts(request) {
      const cut = readMask<Message>(ContactSchema, request.readMask);
      const words = request.q;
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        const matching = words ? own(q).where((eb) => eb.or([eb('name', 'ilike', anywhere(words)), eb('email', 'ilike', anywhere(words))])) : own(q);
        return readList(q, matching, request, { secret: deployment.secret, fields, defaultOrder: 'name' });
      });
      return { contacts: rows.map((row) => cut(message(row))), nextPageToken, totalSize };
    },

    async updateContact({ contact, updateMask }) {
      const { id, name, email, etag } = contact!;
      const named = updatePaths(ContactSchema, contact!, updateMask, ['name', 'email']);
      const values = { ...(named.has('name') && { name: checkedName(name) }), ...(named.has('email') && { email }), update_time: sql<Date>`now()`, version: sql<number>`version + 1` };
      return db.write(async (tx) => {
        const before = await findContact(own(tx).forUpdate(), id);
        requireMatch(before.version, etag);
        return message(await tx.updateTable('mod_promist_contacts').set(values).where('id', '=', before.id).returningAll().executeTakeFirstOrThrow());
      });
    },

    async deleteContact({ contactId, etag }) {
      await db.write(async (tx) => {
        const contact = await findContact(own(tx).forUpdate(), contactId);
        requireMatch(contact.version, etag);
        await tx.updateTable('mod_promist_promises').set({ promisee_contact_id: null, promisee_name: contact.name }).where('promisee_contact_id', '=', contactId).execute();
        await tx.deleteFrom('mod_promist_contacts').where('id', '=', contactId).execute();
      });
      return {};
    },
  };
}

const own = (q: Reader) => q.selectFrom('mod_promist_contacts').selectAll().where('owner_id', '=', caller().accountId);

async function findContact(query: ReturnType<typeof own>, contactId: string): Promise<Row> {
  const row = isUuid(contactId) ? await query.where('id', '=', contactId).executeTakeFirst() : undefined;
  if (!row) throw errors.CONTACT_NOT_FOUND({ contactId });
  return row;
}

function missing(contactId: string, index: number): never {
  throw withViolations(errors.CONTACT_NOT_FOUND({ contactId }), [{ field: `contact_ids[${index}]`, description: 'there is no such contact' }]);
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (!trimmed) throw invalid('contact.name', 'must not be empty');
  return trimmed;
}

const invalid = (field: string, description: string) => withViolations(errors.INVALID_CONTACT({ summary: `${field} ${description}` }), [{ field, description }]);

type Message = Omit<Contact, '$typeName' | '$unknown'>;

const message = (row: Row): Message => ({
  id: row.id,
  name: row.name,
  email: row.email,
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
  etag: etagOf(row.version),
});
