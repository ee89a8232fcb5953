import { hasOption, isFieldSet, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { file_buf_validate_validate as ruleFile, Ignore, message as messageRules, oneof as oneofRules, type BytesRules, type EnumRules, type FieldRules, type StringRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { formOf, name } from '../codec/field-shape.ts';
import { rulesOf } from '../module/field-rules.ts';
import { isTime, mostPaths } from './unfit-values.ts';

/**
 * Whether a message is certainly valid: no rule is broken, no text holds U+0000, every time is in the calendar, every id in
 * lower case. What it does not say yes to may still be valid: protovalidate decides, and words what is wrong.
 */
export type Check = (message: object) => boolean;

interface Cell {
  check: Check;
}

const cells = new WeakMap<DescMessage, Cell>();

/** The check of a message type; compiled once, when it is first used. */
export function checkOf(desc: DescMessage): Cell {
  const known = cells.get(desc);
  if (known) return known;
  const cell: Cell = { check: (message) => (cell.check = compileCheck(desc))(message) };
  cells.set(desc, cell);
  return cell;
}

const runtime = { isTime, isWithin, isPlainJson };
const uuid = '/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/';

function compileCheck(desc: DescMessage): Check {
  if (desc.typeName === 'google.protobuf.Timestamp') return isTime as unknown as Check;
  if (desc.typeName === 'google.protobuf.FieldMask') return ((mask: { paths: string[] }) => mask.paths.length <= mostPaths && mask.paths.every(isStorable)) as Check;
  if (desc.typeName.startsWith('google.protobuf.') && !isWrapperDesc(desc)) return isPlainJson;
  if (hasOption(desc, messageRules)) return () => false;
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const source = `return function check(m) {
    let v;
    ${desc.oneofs.filter((oneof) => hasOption(oneof, oneofRules)).map((oneof) => `if (m[${name(oneof)}].case === undefined) return false;`).join('\n')}
    ${desc.fields.map((field) => fieldCheck(field, refer)).join('\n')}
    return m.$unknown === undefined;
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as Check;
}

type Refer = (value: unknown) => string;

function fieldCheck(field: DescField, refer: Refer): string {
  const rules = rulesOf(field);
  const conditions = valueConditions(field, rules, refer);
  const fails = conditions.length > 0 ? `if (!(${conditions.join(' && ')})) return false;` : '';
  if (field.oneof) return `v = m[${name(field.oneof)}]; if (v.case === ${name(field)}) { v = v.value; ${fails} }`;
  const read = `v = m[${name(field)}];`;
  const isSet = field.fieldKind === 'list' ? 'v.length > 0' : field.fieldKind === 'map' ? 'Object.keys(v).length > 0' : field.presence === implicit ? nonZero(field) : 'v !== undefined';
  const required = rules?.required ? `if (!(${isSet})) return false;` : '';
  const skips = rules?.ignore === Ignore.IF_ZERO_VALUE || (field.presence !== implicit && field.fieldKind !== 'list' && field.fieldKind !== 'map');
  return `${read} ${required} ${skips && fails ? `if (${isSet}) { ${fails} }` : fails}`;
}

const implicit = 2;

function nonZero(field: DescField): string {
  if (field.scalar === ScalarType.BYTES) return 'v.length > 0';
  return field.scalar === ScalarType.STRING ? 'v !== ""' : 'v';
}

/** JavaScript conditions on `v`, the value of a whole field. */
function valueConditions(field: DescField, rules: FieldRules | undefined, refer: Refer): string[] {
  if (rules?.ignore === Ignore.ALWAYS || (rules && hasCode(rules))) return ['false'];
  if (field.fieldKind === 'list') return listConditions(field, rules, refer);
  if (field.fieldKind === 'map') {
    if (rules?.type.case !== undefined) return ['Object.keys(v).length === 0'];
    const inner = singleConditions(field, undefined, refer);
    return [`Object.keys(v).every((n) => !n.includes("\\0")${inner.length > 0 ? ` && ((v) => ${inner.join(' && ')})(v[n])` : ''})`];
  }
  return singleConditions(field, rules, refer);
}

const hasCode = (rules: FieldRules) => rules.cel.length > 0 || rules.celExpression.length > 0 || rules.$unknown !== undefined;

function listConditions(field: DescField, rules: FieldRules | undefined, refer: Refer): string[] {
  const items = rules?.type.case === 'repeated' ? rules.type.value : undefined;
  if ((rules?.type.case !== undefined && !items) || (items && !only(items, ['minItems', 'maxItems', 'unique', 'items']))) return ['v.length === 0'];
  const each = items?.items && (items.items.ignore !== Ignore.UNSPECIFIED || hasCode(items.items)) ? ['false'] : singleConditions(field, items?.items, refer);
  return [
    ...(items?.minItems ? [`v.length >= ${items.minItems}`] : []),
    ...(items?.maxItems ? [`v.length <= ${items.maxItems}`] : []),
    ...(items?.unique ? ['(v.length < 2 || new Set(v).size === v.length)'] : []),
    ...(each.length > 0 ? [`v.every((v) => ${each.join(' && ')})`] : []),
  ];
}

/** JavaScript conditions on `v`, one value of the field's type. */
function singleConditions(field: DescField, rules: FieldRules | undefined, refer: Refer): string[] {
  const type = rules?.type;
  if (field.enum) return type?.case === undefined ? [] : type.case === 'enum' && only(type.value, ['definedOnly']) ? enumConditions(field, type.value, refer) : ['false'];
  if (field.message && formOf(field) !== 'wrapped') {
    if (type?.case !== undefined) return ['false'];
    return formOf(field) === 'json' ? ['isPlainJson(v)'] : [`${refer(checkOf(field.message))}.check(v)`];
  }
  const scalar = field.message ? field.message.fields[0]!.scalar! : field.scalar!;
  if (scalar === ScalarType.STRING) return ['!v.includes("\\0")', ...(type?.case === undefined ? [] : type.case === 'string' ? stringConditions(type.value, refer) : ['false'])];
  if (type?.case === undefined) return [];
  if (type.case === 'bytes') return bytesConditions(type.value);
  return ['int32', 'uint32', 'int64', 'uint64'].includes(type.case) ? numberConditions(type.value as Message & NumberRules) : ['false'];
}

function enumConditions(field: DescField, rules: EnumRules, refer: Refer): string[] {
  return rules.definedOnly ? [`${refer(new Set(field.enum!.values.map(({ number }) => number)))}.has(v)`] : [];
}

/** A pattern of nothing but these means the same to JavaScript as to RE2. */
const plainPattern = /^(?:[\^$()[\]{}|*+?\w,!#%&'`~/-]|\\(?:[rn.]|x00))*$/;

function stringConditions(rules: StringRules, refer: Refer): string[] {
  if (!only(rules, ['minLen', 'maxLen', 'pattern', 'prefix', 'uuid'])) return ['false'];
  if (rules.pattern !== '' && (!plainPattern.test(rules.pattern) || rules.pattern.includes('(?'))) return ['false'];
  const set = rulesIn(rules);
  const most = set.includes('maxLen') ? rules.maxLen : 'Infinity';
  return [
    ...(set.includes('minLen') || set.includes('maxLen') ? [`isWithin(v, ${rules.minLen}, ${most})`] : []),
    ...(rules.prefix !== '' ? [`v.startsWith(${JSON.stringify(rules.prefix)})`] : []),
    ...(rules.pattern !== '' ? [`${refer(new RegExp(rules.pattern))}.test(v)`] : []),
    ...(rules.wellKnown.case === 'uuid' && rules.wellKnown.value ? [`${uuid}.test(v)`] : []),
  ];
}

function bytesConditions(rules: BytesRules): string[] {
  if (!only(rules, ['minLen', 'maxLen'])) return ['false'];
  return [`v.length >= ${rules.minLen}`, ...(rulesIn(rules).includes('maxLen') ? [`v.length <= ${rules.maxLen}`] : [])];
}

interface NumberRules {
  lessThan: { case: string | undefined; value?: number | bigint };
  greaterThan: { case: string | undefined; value?: number | bigint };
}

function numberConditions(rules: Message & NumberRules): string[] {
  if (!only(rules, ['lt', 'lte', 'gt', 'gte'])) return ['false'];
  const { lessThan, greaterThan } = rules;
  // A range whose ends are the wrong way round means what lies outside of it.
  if (lessThan.case && greaterThan.case && lessThan.value! < greaterThan.value!) return ['false'];
  const literal = (value: number | bigint) => (typeof value === 'bigint' ? `${value}n` : String(value));
  return [
    ...(lessThan.case ? [`v ${lessThan.case === 'lt' ? '<' : '<='} ${literal(lessThan.value!)}`] : []),
    ...(greaterThan.case ? [`v ${greaterThan.case === 'gt' ? '>' : '>='} ${literal(greaterThan.value!)}`] : []),
  ];
}

/** The rules that are set, by the names of their fields. */
const rulesIn = (rules: Message): string[] => ruleFile.messages.find(({ typeName }) => typeName === rules.$typeName)!.fields.filter((field) => isFieldSet(rules, field)).map(({ localName }) => localName);

const only = (rules: Message, known: readonly string[]): boolean => rules.$unknown === undefined && rulesIn(rules).every((rule) => known.includes(rule));

/** Whether a text has so many characters, counted as Unicode does. */
function isWithin(text: string, least: number, most: number): boolean {
  const { length } = text;
  if (length >= least * 2 && length <= most) return true;
  if (length < least || length > most * 2) return false;
  const characters = [...text].length;
  return characters >= least && characters <= most;
}

const isStorable = (text: string) => !text.includes('\0');

/** Whether what has no rules of its own holds nothing but storable text and plain values. */
function isPlainJson(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  return Object.keys(value).every(isStorable) && Object.values(value).every(isPlainJson);
}
