import { getOption, hasOption, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { field as fieldRules, type FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import fc, { type Arbitrary } from 'fast-check';
import { hostileDurations, hostileTimes, hostileValues, longText } from './hostile-values.ts';

/** What a request says, as ProtoJSON has it; what is wrong with it may be of any type, under any name. */
export type Tree = Record<string, unknown>;
/** Texts that mean something in a field, such as the ids of things that exist. */
export type Known = (field: DescField) => readonly string[];

const texts = ['a', 'me', 'A title', 'nobody@nowhere.test', 'UTC', 'Europe/Berlin', 'en', 'de-AT', 'https://example.test/', '019a0000-0000-7000-8000-00000000dead', '0'.repeat(64), 'text that is long enough', '', 'FREQ=DAILY;COUNT=3', 'home'];
const times = ['2030-01-01T00:00:00Z', '2026-03-31T12:00:00.123456789Z', '2031-07-01T00:00:00+02:00', '2019-01-01T00:00:00Z'];
const json = fc.constantFrom<unknown>(null, true, 1.5, 'a', [1, 'b'], { a: { b: [] } });

/** Requests that the contract allows, so that handlers are reached, with values at its bounds among them. */
export const anyTree = (schema: DescMessage, known: Known): Arbitrary<Tree> => fitTree(schema, known, 0);

/** A value that does not belong into a tree: a place within it, a name at its top, and what is put there. */
type Wrong = readonly [place: number, name: string, value: unknown];

/** What may be wrong with a request, as it is with every fourth: up to two fields, at any depth, hold what the contract forbids. */
export function anyWrongs(schema: DescMessage): Arbitrary<readonly Wrong[]> {
  const hostile = fc.oneof({ weight: 400, arbitrary: fc.constantFrom(...hostileValues) }, { weight: 1, arbitrary: fc.constant(longText) });
  const names = [...schema.fields.map(({ jsonName }) => jsonName), 'unknown', '__proto__', '@type'];
  return fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat({ max: 999 }), fc.constantFrom(...names), hostile), { maxLength: 2 }) });
}

export const withWrongs = (tree: Tree, wrongs: readonly Wrong[]): Tree => wrongs.reduce((made, [place, name, value]) => withWrong(made, place, name, value), tree);

/** The tree with one value put where it does not belong: into a place within, or under a name at the top. */
function withWrong(tree: Tree, place: number, name: string, value: unknown): Tree {
  const keys = Object.keys(tree);
  const key = place % 2 === 0 && keys.length > 0 ? keys[(place >> 1) % keys.length]! : name;
  const inner = tree[key];
  const within = place % 3 > 0 && typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0;
  return Object.fromEntries([...Object.entries(tree).filter(([other]) => other !== key), [key, within ? withWrong(inner as Tree, place >> 2, 'unknown', value) : value]]);
}

const made = new WeakMap<Known, Map<string, Arbitrary<Tree>>>();

function fitTree(schema: DescMessage, known: Known, depth: number): Arbitrary<Tree> {
  const kept = made.get(known) ?? new Map<string, Arbitrary<Tree>>();
  made.set(known, kept);
  const name = `${schema.typeName} ${depth}`;
  let tree = kept.get(name);
  if (!tree) kept.set(name, (tree = newTree(schema, known, depth)));
  return tree;
}

function newTree(schema: DescMessage, known: Known, depth: number): Arbitrary<Tree> {
  const members = schema.members.filter((member) => depth < 3 || member.kind === 'oneof' || !member.message);
  const entries = members.map((member) => {
    const fields = member.kind === 'oneof' ? member.fields.filter(({ message }) => depth < 3 || !message) : [member];
    const entry = fields.map((field) => fc.tuple(fc.constantFrom(field.jsonName, field.jsonName, field.jsonName, field.name), fitValue(field, schema, known, depth)));
    const often = member.kind === 'oneof' || isWanted(member) ? 24 : isNarrow(member) ? 1 : schema.fields.length > 6 ? 2 : 4;
    return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: often, arbitrary: fc.oneof(...entry) });
  });
  return fc.tuple(...entries).map((chosen) => Object.fromEntries(chosen.filter((entry) => entry !== undefined)));
}

/** Without it the request says too little to be refused for anything else. */
const isWanted = (field: DescField): boolean => rules(field)?.required === true || /(^|_)(id|ids|name|title|email|password|module|key|role|content)$/.test(field.name);

/** With it most requests ask for what is not there, or in words that are not known. */
const isNarrow = ({ name }: DescField): boolean => /^(etag|filter|order_by|page_token|read_mask|update_mask|version)$/.test(name);

function fitValue(field: DescField, parent: DescMessage, known: Known, depth: number): Arbitrary<unknown> {
  const single = fitSingle(field, parent, known, depth);
  if (field.fieldKind === 'list') {
    const most = rules(field)?.type.case === 'repeated' ? Number((rules(field)!.type.value as { maxItems: bigint }).maxItems) || 3 : 3;
    return fc.oneof({ weight: 6, arbitrary: fc.array(single, { maxLength: 3 }) }, { weight: 1, arbitrary: single.map((item) => Array.from({ length: Math.min(most, 101) }, () => item)) });
  }
  if (field.fieldKind !== 'map') return single;
  const keys = field.mapKey === ScalarType.STRING ? fc.constantFrom('a', 'b', '', 'constructor') : field.mapKey === ScalarType.BOOL ? fc.constantFrom('true', 'false') : fc.constantFrom('0', '1', '7');
  return fc.dictionary(keys, single, { maxKeys: 3 });
}

function fitSingle(field: DescField, parent: DescMessage, known: Known, depth: number): Arbitrary<unknown> {
  if (field.enum) return fc.constantFrom(...field.enum.values.filter(({ name }) => name !== 'FAILURE_FAULT').flatMap(({ name, number }) => [name, name, number]));
  if (field.message) return fitMessage(field.message, parent, known, depth);
  if (field.scalar === ScalarType.STRING) return fitText(field, known);
  if (field.scalar === ScalarType.BOOL) return fc.boolean();
  if (field.scalar === ScalarType.BYTES) return fc.constantFrom('', 'YQ==', '_-8', Buffer.from('{"promises":[{"title":"a"}]}').toString('base64'), Buffer.from('TYPE,CONTENT\ntask,a').toString('base64'), Buffer.from('BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nSUMMARY:a\r\nEND:VTODO\r\nEND:VCALENDAR').toString('base64'));
  return fc.constantFrom(...fitNumbers(field));
}

function fitMessage(message: DescMessage, parent: DescMessage, known: Known, depth: number): Arbitrary<unknown> {
  switch (message.typeName) {
    case 'google.protobuf.Timestamp': return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...times) }, { weight: 1, arbitrary: fc.constantFrom(...hostileTimes) });
    case 'google.protobuf.Duration': return fc.constantFrom('1s', '90.5s', ...hostileDurations);
    case 'google.protobuf.FieldMask': return fc.oneof({ weight: 1, arbitrary: fc.constantFrom('*', '', 'a.b.c', 'id,id') }, { weight: 4, arbitrary: fc.array(fc.constantFrom(...namesWithin(parent)), { maxLength: 3 }).map((names) => names.join(',')) });
    case 'google.protobuf.Struct': return fc.dictionary(fc.constantFrom('a', 'b', '@type'), json, { maxKeys: 2 });
    case 'google.protobuf.Value': return json;
    case 'google.protobuf.ListValue': return fc.array(json, { maxLength: 2 });
    case 'google.protobuf.Any': return fc.constantFrom({ '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1s' }, {});
    case 'google.protobuf.StringValue': return fc.constantFrom('', 'a');
    case 'google.protobuf.Int64Value': return fc.constantFrom('0', 5, '-9223372036854775808');
    case 'google.protobuf.BytesValue': return fc.constantFrom('', 'YQ==');
    default: return fitTree(message, known, depth + 1);
  }
}

/** What a mask of a request can name: the fields of the messages beside it. */
const namesWithin = ({ fields }: DescMessage): string[] => ['id', ...fields.flatMap(({ message }) => message?.fields.map(({ jsonName }) => jsonName) ?? [])];

/** Mostly what is known to mean something in the field, where anything is. */
function fitText(field: DescField, known: Known): Arbitrary<string> {
  const [own, any] = [known(field).filter(fits(field)), [...texts, ...bounds(field)].filter(fits(field))];
  const other = fc.constantFrom(...(any.length > 0 ? any : ['x']));
  return own.length > 0 ? fc.oneof({ weight: 10, arbitrary: fc.constantFrom(...own) }, { weight: 1, arbitrary: other }) : other;
}

function stringRules(field: DescField) {
  const type = rules(field)?.type;
  return type?.case === 'string' ? type.value : type?.case === 'repeated' && type.value.items?.type.case === 'string' ? type.value.items.type.value : undefined;
}

/** The shortest and the longest text that a field takes. */
function bounds(field: DescField): string[] {
  const [least, most] = [Number(stringRules(field)?.minLen ?? 0n), Number(stringRules(field)?.maxLen || 1000n)];
  return ['x'.repeat(Math.max(least, 1)), 'x'.repeat(most), '\u{1f600}'.repeat(most / 2)];
}

const fits = (field: DescField) => (text: string): boolean => {
  const rule = stringRules(field);
  if (!rule) return true;
  const wellKnown = rule.wellKnown.case;
  return text.length >= rule.minLen && (!rule.maxLen || text.length <= rule.maxLen) && (!rule.pattern || new RegExp(rule.pattern).test(text)) && (wellKnown !== 'email' || text.includes('@')) && (wellKnown !== 'uuid' || /^[0-9a-f-]{36}$/i.test(text));
};

function fitNumbers(field: DescField): unknown[] {
  const { type } = rules(field) ?? {};
  const rule = type?.value as { greaterThan?: { value?: bigint | number }; lessThan?: { value?: bigint | number } } | undefined;
  const bounds = [rule?.greaterThan?.value, rule?.lessThan?.value].filter((bound) => bound !== undefined).map(String);
  const wide = [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64].includes(field.scalar!);
  const reals = field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT ? ['NaN', 'Infinity', '-Infinity', 0.1, '\ue004'] : [];
  // A pause or a length at its bound only makes the answer long.
  return [0, 1, 2, 20, '5', ...(/^(delay_ms|to|payload_bytes)$/.test(field.name) ? [] : bounds), ...(wide ? ['9007199254740993'] : []), ...reals];
}

const rules = (field: DescField): FieldRules | undefined => (hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined);
