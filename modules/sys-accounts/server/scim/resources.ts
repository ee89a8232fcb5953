import { etagOf } from '@mainstay/kernel';
import type { Json } from './attribute.ts';
import type { GroupRow, Membership } from './find-groups.ts';
import type { PersonRow } from './find-people.ts';
import { groupSchema, userSchema } from './schemas.ts';

/** A person as SCIM shows them. `base` is where SCIM is served. */
export function userResource(base: string, row: PersonRow, groups: readonly Membership[] = []): Json {
  return {
    schemas: [userSchema.id],
    id: row.id,
    ...row.resource,
    active: row.active,
    ...(groups.length > 0 && { groups: groups.map(({ group_id, display }) => ({ value: group_id, $ref: `${base}/Groups/${group_id}`, display, type: 'direct' })) }),
    meta: metaOf(base, 'User', row, etagOf(row.version, [row.active])),
  };
}

/** A group as SCIM shows it; without its members, where those were not read. */
export function groupResource(base: string, row: GroupRow, members: readonly Membership[] = []): Json {
  return {
    schemas: [groupSchema.id],
    id: row.id,
    ...(row.external_id !== null && { externalId: row.external_id }),
    displayName: row.display_name,
    ...(members.length > 0 && { members: members.map(({ account_id, display }) => ({ value: account_id, $ref: `${base}/Users/${account_id}`, ...(display && { display }), type: 'User' })) }),
    meta: metaOf(base, 'Group', row, etagOf(row.version)),
  };
}

const metaOf = (base: string, resourceType: 'User' | 'Group', { id, created_at, updated_at }: { id: string; created_at: Date; updated_at: Date }, version: string): Json => ({
  resourceType,
  created: created_at.toISOString(),
  lastModified: updated_at.toISOString(),
  location: `${base}/${resourceType}s/${id}`,
  version,
});
