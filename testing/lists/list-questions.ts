import { create, type DescField, type DescMessage, type DescMethod, type Message } from '@bufbuild/protobuf';
import { FieldMaskSchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { declaredFields } from '@mainstay/kernel';
import { filterable, sortable } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { getOption } from '@bufbuild/protobuf';

/** Whether a method lists what may be many: it gives out pages. */
export const isList = (method: DescMethod): boolean => method.methodKind === 'unary' && method.input.fields.some(({ name }) => name === 'page_token');

/** The resource that a list shows: what its answer repeats. */
export const listedIn = (method: DescMethod): DescField & { message: DescMessage } =>
  method.output.fields.find((field) => field.fieldKind === 'list' && field.listKind === 'message') as DescField & { message: DescMessage };

/** The ids that a request must name before it lists anything, such as `org_id`. */
export const idsNeeded = (method: DescMethod): string[] => method.input.fields.filter(({ name, proto }) => /_id$/.test(name) && name !== 'page_id' && proto.label !== 3).map(({ name }) => name);

/** Every question that a list can be asked: by each of its own fields, each field it filters by, and each it orders by. */
export function questionsOf(method: DescMethod, ids: Readonly<Record<string, string>>): Message[] {
  const given = Object.fromEntries(idsNeeded(method).flatMap((name) => (ids[name] ? [[localName(method, name), ids[name]]] : [])));
  const ask = (init: object) => create(method.input, { pageSize: 20, ...given, ...init } as never);
  const takes = (name: string) => method.input.fields.some((field) => field.name === name);
  const fields = declaredFields(listedIn(method).message);
  const may = (option: typeof filterable) => fields.filter(({ desc }) => getOption(desc, option));
  return [
    ask({}),
    ...ownQuestions(method).map(ask),
    ...(takes('filter') ? [...may(filterable).flatMap(({ path, desc }) => filtersBy(path, desc)), 'unlikely'].map((filter) => ask({ filter })) : []),
    ...(takes('order_by') ? may(sortable).flatMap(({ path }) => [ask({ orderBy: path }), ask({ orderBy: `${path} desc` })]) : []),
    ...(takes('read_mask') ? [ask({ readMask: create(FieldMaskSchema, { paths: ['*'] }) })] : []),
  ];
}

function filtersBy(path: string, desc: DescField): string[] {
  const text = ['= "unlikely"', ': "unlikely"', '= "unlikely*"', '!= "unlikely"'];
  const one = (comparisons: readonly string[]) => comparisons.map((comparison) => `${path} ${comparison}`);
  if (desc.fieldKind === 'list') return one([': "unlikely"', ':*']);
  if (desc.enum) return one(desc.enum.values.slice(1).map(({ name }) => `= ${name}`));
  if (desc.message) return one(desc.message.typeName.startsWith('google.') ? ['> "2026-01-01"', '< "2020-01-01"', '> "2100-01-01"', '= "2026-01-01"', ':*'] : [':*']);
  if (desc.scalar === 8) return one(['= true', '= false']);
  return one(/(^|_)id$/.test(desc.name) ? ['= "018f0000-0000-7000-8000-000000000000"', ':*'] : desc.scalar === 9 ? text : ['= 5', '> 5']);
}

/** What the request says by fields of its own, such as `unread`. */
function ownQuestions({ input }: DescMethod): object[] {
  const common = ['page_size', 'page_token', 'filter', 'order_by', 'read_mask', 'count_total'];
  return input.fields.filter(({ name }) => !common.includes(name) && !/_id$/.test(name)).flatMap((field) => {
    const values = field.enum ? field.enum.values.map(({ number }) => number) : field.message?.typeName === 'google.protobuf.Timestamp' ? [timestampFromDate(new Date())] : field.scalar === 8 ? [true] : field.scalar === 9 ? ['unlikely'] : [];
    return values.map((value) => ({ [field.localName]: value }));
  });
}

const localName = ({ input }: DescMethod, name: string): string => input.fields.find((field) => field.name === name)!.localName;
