import { getOption, hasOption, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { filterable, sortable } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { sql, type RawBuilder } from 'kysely';

/** A column, such as `p.due_time`, or an expression of SQL. */
export type Column = string | RawBuilder<unknown>;

/** Where a field's values lie. */
export interface FieldColumn {
  column: Column;
  /** What to order by, if that differs. */
  order?: Column;
  /** Ids are kept as `uuid`: a text that is none equals none of them. */
  uuid?: boolean;
  /** The column is never null, although the field of the contract may be absent. */
  required?: boolean;
}

export type FieldKind = 'text' | 'uuid' | 'boolean' | 'number' | 'enum' | 'time' | 'duration' | 'list' | 'message';

/** A field that a list can be filtered by. */
export interface FilterField {
  name: string;
  kind: FieldKind;
  column: RawBuilder<unknown>;
  desc: DescField;
}

/** A field that a list can be ordered by. */
export interface SortField {
  column: RawBuilder<unknown>;
  /** Rows without a value are there: they come after all others, or before them if the order descends. */
  nullable: boolean;
}

/** Which fields of a resource its lists can be filtered and ordered by, and where in the database these lie. */
export interface QueryFields {
  schema: DescMessage;
  filterable: ReadonlyMap<string, FilterField>;
  sortable: ReadonlyMap<string, SortField>;
  /** Where a value without a field is looked for. */
  search: readonly RawBuilder<unknown>[];
  /** Tells rows apart that are equal otherwise. */
  id: RawBuilder<unknown>;
}

export interface QueryFieldsOptions {
  /** The column that tells rows apart: `id` if absent. */
  id?: Column;
  /** Text columns in which a value without a field is looked for; none if absent. */
  search?: readonly Column[];
}

/**
 * Says where the fields lie that a resource's contract declares `(mainstay.filterable)` and `(mainstay.sortable)`, by
 * their paths such as `promisee.name`. Each needs an index that serves it. Throws for one without a column, and for a
 * column of a field that is not declared.
 */
export function queryFields(schema: DescMessage, columns: Readonly<Record<string, Column | FieldColumn>>, { id = 'id', search = [] }: QueryFieldsOptions = {}): QueryFields {
  const declared = declaredFields(schema);
  const problems = [
    ...declared.filter(({ path }) => !Object.hasOwn(columns, path)).map(({ path }) => `${path} has no column`),
    ...Object.keys(columns).filter((path) => !declared.some((field) => field.path === path)).map((path) => `${path} is neither filterable nor sortable`),
  ];
  if (problems.length > 0) throw new Error(`the fields of ${schema.typeName} do not fit its contract: ${problems.join(', ')}`);
  const withColumns = declared.map((field) => ({ ...field, ...columnOf(columns[field.path]!) }));
  return {
    schema,
    filterable: new Map(withColumns.filter(({ desc }) => says(desc, filterable)).map(({ path, desc, column, uuid }) => [path, { name: path, kind: kindOf(desc, uuid), column: expression(column), desc }])),
    sortable: new Map(withColumns.filter(({ desc }) => says(desc, sortable)).map(({ path, desc, column, order, required }) => [path, { column: expression(order ?? column), nullable: desc.presence !== 2 && !required && order === undefined }])),
    search: search.map(expression),
    id: expression(id),
  };
}

/** The fields of a resource, and of messages in it, that its lists can be filtered or ordered by. */
export function declaredFields(schema: DescMessage, prefix = ''): { path: string; desc: DescField }[] {
  return schema.fields.flatMap((desc) => {
    if (!says(desc, filterable) && !says(desc, sortable)) return [];
    const path = prefix + desc.name;
    const below = desc.fieldKind === 'message' && !desc.message.typeName.startsWith('google.') ? declaredFields(desc.message, `${path}.`) : [];
    return [{ path, desc }, ...below];
  });
}

const says = (field: DescField, option: typeof filterable): boolean => hasOption(field, option) && getOption(field, option);
const columnOf = (given: Column | FieldColumn): FieldColumn => (typeof given === 'object' && 'column' in given ? given : { column: given });
const expression = (column: Column): RawBuilder<unknown> => (typeof column === 'string' ? sql.ref(column) : column);

function kindOf(desc: DescField, uuid = false): FieldKind {
  if (desc.fieldKind === 'list') return 'list';
  if (desc.enum) return 'enum';
  if (desc.message) return { 'google.protobuf.Timestamp': 'time', 'google.protobuf.Duration': 'duration' }[desc.message.typeName] as FieldKind ?? 'message';
  if (desc.scalar === ScalarType.BOOL) return 'boolean';
  if (desc.scalar === ScalarType.STRING) return uuid ? 'uuid' : 'text';
  return 'number';
}
