import type { AlterTableCmd, ColumnDef, Constraint, Node, RangeVar } from 'libpg-query';
import { loadModule, parseSync } from 'libpg-query';

/** A statement of a migration that processes of the release before, or the requests under way, would suffer from. */
export interface UnsafeStatement {
  line: number;
  what: string;
  /** Taken out of use by an earlier release, it harms nobody any more: a contracting migration may hold it. */
  contracting: boolean;
  instead: string;
}

type Found = Omit<UnsafeStatement, 'line'>;

const earlier = 'let a release no longer use it, and do this in a later one';
const contracts = (what: string, instead = earlier): Found[] => [{ what, contracting: true, instead }];
const locks = (what: string, instead: string): Found[] => [{ what, contracting: false, instead }];

/**
 * Finds what is unsafe in one migration, given the names of the tables that migrations before it made; adds the tables
 * that it makes. What a migration does to tables of its own harms nobody. Throws if it is no SQL.
 */
export async function unsafeStatements(sql: string, tables: Set<string>): Promise<UnsafeStatement[]> {
  await loadModule();
  const before = new Set(tables);
  const added = new Set<string>();
  const bytes = Buffer.from(sql);
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt = {}, stmt_location = 0 }) => {
    follow(stmt as Statement, tables);
    addedBy(stmt as Statement).forEach((constraint) => added.add(constraint));
    const line = bytes.subarray(0, stmt_location).toString().split('\n').length;
    return rulesOf(stmt as Statement, before, added).map((found) => ({ line, ...found }));
  });
}

/** The one key of a node names its kind. */
type Statement = Partial<Record<string, any>>;

function follow({ CreateStmt, CreateTableAsStmt, RenameStmt, DropStmt }: Statement, tables: Set<string>): void {
  if (CreateStmt) tables.add(CreateStmt.relation.relname);
  if (CreateTableAsStmt) tables.add(CreateTableAsStmt.into.rel.relname);
  if (RenameStmt?.renameType === 'OBJECT_TABLE') tables.add(RenameStmt.newname);
  if (DropStmt?.removeType === 'OBJECT_TABLE') for (const name of dropped(DropStmt)) tables.delete(name);
}

/** The constraints that a statement adds, each behind its table. */
const addedBy = ({ AlterTableStmt }: Statement): string[] =>
  ((AlterTableStmt?.cmds ?? []) as { AlterTableCmd: AlterTableCmd }[]).flatMap(({ AlterTableCmd: { def } }) => {
    const name = (def as { Constraint?: Constraint } | undefined)?.Constraint?.conname;
    return name === undefined ? [] : [`${AlterTableStmt.relation.relname} ${name}`];
  });

const dropped = (drop: { objects: Node[] }): string[] => drop.objects.map((object) => {
  const { items } = (object as { List: { items: { String: { sval: string } }[] } }).List;
  return items.at(-1)!.String.sval;
});

function rulesOf(statement: Statement, before: Set<string>, added: Set<string>): Found[] {
  const [kind, body] = Object.entries(statement)[0] ?? ['', undefined];
  const table = (body?.relation as RangeVar | undefined)?.relname ?? '';
  const known = before.has(table);
  switch (kind) {
    case 'AlterTableStmt': {
      if (!known) return [];
      const commands = (body.cmds as { AlterTableCmd: AlterTableCmd }[]).map(({ AlterTableCmd }) => AlterTableCmd);
      return commands.flatMap((command) => commandRules(command, table, commands, added));
    }
    case 'RenameStmt':
      return known ? contracts(body.subname ? `renames ${body.subname} of ${table}` : `renames ${table}`, 'add the new one beside the old, let a release fill and read both, and drop the old in a later one') : [];
    case 'DropStmt':
      return dropRules(body, before);
    case 'AlterObjectSchemaStmt':
      return known ? contracts(`moves ${table} to another schema`) : [];
    case 'TruncateStmt':
      return (body.relations as { RangeVar: RangeVar }[]).filter(({ RangeVar }) => before.has(RangeVar.relname!)).flatMap(({ RangeVar }) => contracts(`empties ${RangeVar.relname}`));
    case 'IndexStmt':
      return known && !body.concurrent ? locks(`builds an index of ${table} while nobody can write to it`, 'give it a migration of its own that begins with "-- outside a transaction" and says "create index concurrently if not exists"') : [];
    case 'DeleteStmt':
      return known && !body.whereClause ? contracts(`empties ${table}`) : [];
    case 'GrantStmt':
      return body.is_grant ? [] : tablesIn(body.objects ?? []).filter((name) => before.has(name)).flatMap((name) => contracts(`takes rights on ${name} away`));
    case 'CreatePolicyStmt':
      return before.has(body.table?.relname) && !body.permissive ? contracts(`hides rows of ${body.table.relname}`) : [];
    case 'ReindexStmt':
      return isConcurrent(body) ? [] : locks('builds indexes while nobody can write', 'say "concurrently", in a migration of its own that begins with "-- outside a transaction"');
    case 'LockStmt':
    case 'VacuumStmt':
    case 'ClusterStmt':
      return locks('locks whole tables', 'leave it to PostgreSQL, or to an operator');
    case 'DoStmt':
      return blockRules(body, before);
    case 'SelectStmt':
      return protectRules(body, before);
    default:
      return [];
  }
}

const tablesIn = (objects: Node[]): string[] => objects.flatMap((object) => (object as { RangeVar?: RangeVar }).RangeVar?.relname ?? []);

const isConcurrent = ({ params = [] }: { params?: { DefElem: { defname: string } }[] }): boolean => params.some(({ DefElem }) => DefElem.defname === 'concurrently');

const droppable = new Set(['OBJECT_INDEX', 'OBJECT_TABLE', 'OBJECT_POLICY', 'OBJECT_TRIGGER']);

function dropRules(drop: { objects: Node[]; removeType: string }, before: Set<string>): Found[] {
  if (drop.removeType === 'OBJECT_TABLE') return dropped(drop).filter((name) => before.has(name)).flatMap((name) => contracts(`drops ${name}`));
  return droppable.has(drop.removeType) ? [] : contracts(`drops a ${drop.removeType.replace('OBJECT_', '').toLowerCase().replaceAll('_', ' ')}`);
}

function commandRules(command: AlterTableCmd, table: string, all: AlterTableCmd[], added: Set<string>): Found[] {
  const { name } = command;
  switch (command.subtype) {
    case 'AT_DropColumn':
      return contracts(`drops ${name} of ${table}`);
    case 'AT_AlterColumnType':
      return contracts(`changes the type of ${name} of ${table}`, 'add a column of the new type beside it, let a release fill and read both, and drop the old one later');
    case 'AT_SetNotNull':
      return contracts(`makes ${name} of ${table} required`, 'let a release always fill it, and do this in a later one');
    case 'AT_ColumnDefault':
      return command.def ? [] : contracts(`takes the default of ${name} of ${table} away`);
    case 'AT_AddColumn':
      return columnRules((command.def as { ColumnDef: ColumnDef }).ColumnDef, table);
    case 'AT_AddConstraint':
      return constraintRules((command.def as { Constraint: Constraint }).Constraint, table, all);
    case 'AT_ValidateConstraint':
      return added.has(`${table} ${name}`) ? locks(`looks at every row of ${table} for ${name}, while the lock of its adding keeps everybody away`, 'validate it in the next migration') : [];
    case 'AT_EnableRowSecurity':
      return contracts(`hides the rows of ${table} from whom no policy lets in`, 'let a release run with the policies, and do this in a later one');
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetTableSpace':
    case 'AT_SetAccessMethod':
      return locks(`writes all of ${table} anew`, 'make a new table and let a job fill it');
    default:
      return [];
  }
}

const steady = new Set(['now', 'current_org', 'transaction_timestamp']);
const counted = /^(small|big)?serial[248]?$/;

function columnRules({ colname, typeName, constraints: nodes = [] }: ColumnDef, table: string): Found[] {
  const constraints = (nodes as { Constraint: Constraint }[]).map(({ Constraint }) => Constraint);
  const has = (kind: Constraint['contype']) => constraints.find(({ contype }) => contype === kind);
  const type = (typeName?.names?.at(-1) as { String?: { sval?: string } } | undefined)?.String?.sval ?? '';
  const computed = counted.test(type) || callsIn(has('CONSTR_DEFAULT')?.raw_expr).some((call) => !steady.has(call));
  const found: Found[] = [];
  if (has('CONSTR_NOTNULL') && !has('CONSTR_DEFAULT') && !has('CONSTR_GENERATED') && !has('CONSTR_IDENTITY') && !counted.test(type)) found.push(...locks(`adds ${colname} to ${table}, which must be there and has no default`, 'give it a default, or leave out "not null"'));
  if (computed) found.push(...locks(`writes all of ${table} anew, for a default that differs from row to row`, 'add the column without it, set the default afterwards, and let a job fill the old rows'));
  if (has('CONSTR_GENERATED')?.generated_kind === 's' || has('CONSTR_IDENTITY')) found.push(...locks(`writes all of ${table} anew, to compute ${colname}`, 'let the column be virtual, or a job fill it'));
  if (has('CONSTR_CHECK') || (has('CONSTR_FOREIGN') && has('CONSTR_DEFAULT'))) found.push(...locks(`looks at every row of ${table} for ${colname} while nobody can write`, 'add the column alone, then its constraint as "not valid", and say "validate constraint" in the next migration'));
  if (has('CONSTR_UNIQUE') || has('CONSTR_PRIMARY')) found.push(...locks(`builds an index of ${table} while nobody can write to it`, 'build a unique index concurrently in a migration of its own'));
  return found;
}

/** The functions that an expression calls, however deep. */
function callsIn(expression: unknown): string[] {
  if (typeof expression !== 'object' || expression === null) return [];
  const { FuncCall } = expression as { FuncCall?: { funcname: { String: { sval: string } }[] } };
  return [...(FuncCall ? [FuncCall.funcname.at(-1)!.String.sval] : []), ...Object.values(expression).flatMap(callsIn)];
}

function constraintRules(constraint: Constraint, table: string, all: AlterTableCmd[]): Found[] {
  const { contype, conname, indexname, skip_validation: unchecked } = constraint;
  const what = `adds ${conname ?? 'a constraint'} to ${table}`;
  if (contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY') return indexname ? [] : locks(`${what}, and builds its index while nobody can write`, 'build a unique index concurrently in a migration of its own, and say "using index" here');
  if (contype === 'CONSTR_EXCLUSION') return locks(`${what}, and builds its index while nobody can write`, 'make a new table and let a job fill it');
  if (!unchecked) return locks(`${what}, and looks at every row while nobody can write`, 'add it as "not valid", and say "validate constraint" in the next migration');
  const replaces = all.some(({ subtype, name }) => subtype === 'AT_DropConstraint' && name === conname);
  return replaces ? [] : contracts(`${what}, which processes of the release before don't know`, 'let a release keep to it, and add it in a later one; to allow more than before, drop and add it in one statement');
}

/** What a block does can't be seen; that it names a table is enough. */
function blockRules(block: { args: { DefElem: { arg?: { String?: { sval: string } } } }[] }, before: Set<string>): Found[] {
  const words = new Set(block.args.flatMap(({ DefElem }) => DefElem.arg?.String?.sval.match(/\w+/g) ?? []));
  return [...before].filter((table) => words.has(table)).flatMap((table) => locks(`hides in a block what it does to ${table}`, 'write plain statements, which can be checked'));
}

/** `protect_tenant_table` makes org_id required and shows each row to its org alone. */
function protectRules({ targetList = [] }: { targetList?: { ResTarget: { val: Statement } }[] }, before: Set<string>): Found[] {
  return targetList.flatMap(({ ResTarget: { val } }) => {
    if (val.FuncCall?.funcname.at(-1).String.sval !== 'protect_tenant_table') return [];
    const name = val.FuncCall.args?.[0]?.A_Const?.sval?.sval as string | undefined;
    return name === undefined || before.has(name) ? contracts(`closes ${name ?? 'a table'} to other orgs`, 'let a release always fill org_id, and do this in a later one') : [];
  });
}
