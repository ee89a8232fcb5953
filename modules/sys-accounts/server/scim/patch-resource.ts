import { isDeepStrictEqual } from 'node:util';
import { attributeNamed, type Attribute, type Json, type ResourceSchema } from './attribute.ts';
import type { Filter } from './filter.ts';
import { fits } from './match-filter.ts';
import { ignored, parsePath, type PatchPath } from './parse-filter.ts';
import { withPaths, type PatchOperation } from './read-patch.ts';
import { isKnownElsewhere, required } from './read-resource.ts';
import { readOne, readValue } from './read-value.ts';
import { scimErrors } from './scim-errors.ts';

/** A resource after all operations of a PATCH (RFC 7644 §3.5.2); the one that is given stays as it is. */
export function patched(resource: Json, operations: readonly PatchOperation[], schema: ResourceSchema): Json {
  const result = structuredClone(resource);
  for (const operation of operations.flatMap(withPaths)) {
    if (isKnownElsewhere(operation.path, schema) && !operation.path.toLowerCase().startsWith(`${schema.id}:`.toLowerCase())) continue;
    const path = parsePath(operation.path, schema, scimErrors.invalidPath);
    if (path !== ignored) change(result, path, operation);
  }
  return required(result, schema);
}

function change(resource: Json, path: PatchPath, { op, value }: PatchOperation): void {
  const { attribute, sub } = path;
  if (attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly') throw scimErrors.mutability(sub ? `${attribute.name}.${sub.name}` : attribute.name);
  if (attribute.required && op === 'remove') throw scimErrors.mutability(attribute.name);
  const changed = attribute.multiValued ? severalAfter(resource[attribute.name] as Json[] | undefined, path, op, value) : oneAfter(resource[attribute.name], path, op, value);
  if (changed === undefined) delete resource[attribute.name];
  else resource[attribute.name] = changed;
}

function oneAfter(before: unknown, { attribute, sub, filter }: PatchPath, op: PatchOperation['op'], value: unknown): unknown {
  if (filter) throw scimErrors.invalidPath(`${attribute.name} has one value, so there is none to choose`);
  if (sub) return withPart(before as Json | undefined, sub, op, value, attribute.name);
  const read = op === 'remove' ? undefined : readValue(attribute, value);
  // Parts that are not named stay.
  return attribute.type === 'complex' && read !== undefined ? { ...(before as Json | undefined), ...(read as Json) } : read;
}

/** A value with parts after a change of one of them; nothing if none is left. */
function withPart(before: Json | undefined, sub: Attribute, op: PatchOperation['op'], value: unknown, name: string): Json | undefined {
  const { [sub.name]: _, ...rest } = before ?? {};
  const read = op === 'remove' ? undefined : readOne(sub, value, `${name}.${sub.name}`);
  const after = read === undefined ? rest : { ...rest, [sub.name]: read };
  return Object.keys(after).length > 0 ? after : undefined;
}

function severalAfter(before: readonly Json[] = [], path: PatchPath, op: PatchOperation['op'], value: unknown): Json[] | undefined {
  const after = path.filter || path.sub ? chosenAfter(before, path, op, value) : allAfter(before, path.attribute, op, value);
  return after.length > 0 ? after : undefined;
}

/** All values after a change of the whole attribute. */
function allAfter(before: readonly Json[], attribute: Attribute, op: PatchOperation['op'], value: unknown): Json[] {
  const given = (readValue(attribute, value) ?? []) as Json[];
  if (op === 'replace') return given;
  // Some directories name the values that are to go.
  if (op === 'remove') return value === undefined ? [] : before.filter((one) => !given.some((gone) => isWithin(gone, one)));
  return withOnePrimary([...before.filter((one) => !given.some((added) => isDeepStrictEqual(added, one))), ...given], given);
}

/** All values after a change of those that fit the filter, or of one part of all of them. */
function chosenAfter(before: readonly Json[], { attribute, sub, filter }: PatchPath, op: PatchOperation['op'], value: unknown): Json[] {
  const isChosen = (one: Json) => filter === undefined || fits(filter, one);
  const chosen = before.filter(isChosen);
  if (op === 'remove' && !sub) return before.filter((one) => !isChosen(one));
  if (chosen.length === 0 && op === 'remove') return [...before];
  if (chosen.length === 0 && filter && op === 'replace') throw scimErrors.noTarget(`no value of ${attribute.name} fits the filter`);
  const changed = (one: Json) => (sub ? withPart(one, sub, op, value, attribute.name) : { ...one, ...(readOne(attribute, value, attribute.name) as Json | undefined) });
  if (chosen.length > 0) {
    const results = new Map(chosen.map((one) => [one, changed(one)]));
    return withOnePrimary(before.flatMap((one): Json[] => (results.has(one) ? [results.get(one)].filter((each) => each !== undefined) : [one])), [...results.values()].filter((one) => one !== undefined));
  }
  // What is added to a value that is not there yet makes it, as the filter says that it is.
  const made = changed(filter ? saidBy(filter, attribute) : {});
  return made ? withOnePrimary([...before, made], [made]) : [...before];
}

/** A value as a filter of equations describes it. */
function saidBy(filter: Filter, attribute: Attribute): Json {
  const parts = filter.kind === 'and' ? filter.parts : [filter];
  const said = parts.map((part) => (part.kind === 'compare' && part.comparator === 'eq' && part.value !== null ? [part.path.attribute.name, part.value] : undefined));
  if (said.includes(undefined)) throw scimErrors.noTarget(`no value of ${attribute.name} fits the filter`);
  const named = Object.fromEntries(said as [string, unknown][]);
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, readOne(attributeNamed(attribute.subAttributes ?? [], name)!, value, name)]));
}

/** What is newly preferred is so in place of what was. */
function withOnePrimary(values: readonly Json[], changed: readonly Json[]): Json[] {
  if (!changed.some(({ primary }) => primary === true)) return [...values];
  return values.map((one) => (one.primary === true && !changed.includes(one) ? { ...one, primary: false } : one));
}

const isWithin = (part: Json, whole: Json): boolean => Object.entries(part).every(([name, value]) => isDeepStrictEqual(whole[name], value));
