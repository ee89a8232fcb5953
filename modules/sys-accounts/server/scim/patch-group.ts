import { idsOf, type GroupChange } from './change-groups.ts';
import type { Filter } from './filter.ts';
import { ignored, parsePath, type PatchPath } from './parse-filter.ts';
import { withPaths, type PatchOperation } from './read-patch.ts';
import { isKnownElsewhere } from './read-resource.ts';
import { readValue } from './read-value.ts';
import { groupSchema } from './schemas.ts';
import { scimErrors } from './scim-errors.ts';

/**
 * What a PATCH of a group changes, one operation after the other. Groups can be large, so that nobody reads who is in them only to
 * add one more.
 */
export const groupChanges = (operations: readonly PatchOperation[]): GroupChange[] => operations.flatMap(withPaths).flatMap(changeOf);

function changeOf({ op, path: text, value }: PatchOperation & { path: string }): GroupChange[] {
  if (isKnownElsewhere(text, groupSchema) && !text.toLowerCase().startsWith(`${groupSchema.id}:`.toLowerCase())) return [];
  const path = parsePath(text, groupSchema, scimErrors.invalidPath);
  if (path === ignored) return [];
  const { attribute } = path;
  if (attribute.mutability === 'readOnly') throw scimErrors.mutability(attribute.name);
  if (attribute.name === 'members') return [ofMembers(path, op, value)];
  const read = op === 'remove' ? undefined : readValue(attribute, value);
  if (attribute.name === 'externalId') return [{ externalId: (read as string | undefined) ?? null }];
  if (op === 'remove') throw scimErrors.mutability(attribute.name);
  if (typeof read !== 'string' || read.trim() === '') throw scimErrors.invalidValue('displayName is required');
  return [{ displayName: read }];
}

function ofMembers({ attribute, sub, filter }: PatchPath, op: PatchOperation['op'], value: unknown): GroupChange {
  if (sub || (filter && op !== 'remove')) throw scimErrors.mutability('members: add and remove whole members, what they are made of');
  if (op === 'remove' && filter) return { removed: namedBy(filter) };
  if (op === 'remove' && value === undefined) return { members: [] };
  const ids = idsOf(readValue(attribute, value));
  return op === 'add' ? { added: ids } : op === 'replace' ? { members: ids } : { removed: ids };
}

/** Whom a filter names: by their ids, which is how directories do it. */
function namedBy(filter: Filter): string[] {
  if (filter.kind === 'or') return filter.parts.flatMap(namedBy);
  if (filter.kind === 'compare' && filter.path.attribute.name === 'value' && filter.comparator === 'eq' && typeof filter.value === 'string') return idsOf([{ value: filter.value }]);
  throw scimErrors.invalidPath('members are chosen by their ids, as in members[value eq "…"]');
}
