import type { DescField, DescMethodUnary } from '@bufbuild/protobuf';

/** The fields by which a method lists things in pages (AIP-158). */
export interface ListShape {
  pageSize: DescField;
  pageToken: DescField;
  countTotal?: DescField;
  /** In the answer: what is listed, and where to go on. */
  rows: DescField;
  nextPageToken: DescField;
  /** Numbers in the answer, such as the total: they add up. */
  numbers: readonly DescField[];
}

const shapes = new WeakMap<DescMethodUnary, ListShape | null>();

/** How a method lists, if it is one that does. */
export function listOf(method: DescMethodUnary): ListShape | undefined {
  let shape = shapes.get(method);
  if (shape === undefined) shapes.set(method, (shape = find(method)));
  return shape ?? undefined;
}

function find({ input, output }: DescMethodUnary): ListShape | null {
  const asked = (name: string) => input.fields.find((field) => field.name === name);
  const [pageSize, pageToken, countTotal] = [asked('page_size'), asked('page_token'), asked('count_total')];
  const nextPageToken = output.fields.find(({ name }) => name === 'next_page_token');
  const lists = output.fields.filter(({ fieldKind }) => fieldKind === 'list');
  if (!pageSize || !pageToken || !nextPageToken || lists.length !== 1) return null;
  const numbers = output.fields.filter((field) => field.fieldKind === 'scalar' && field.name.endsWith('_size'));
  return { pageSize, pageToken, ...(countTotal && { countTotal }), rows: lists[0]!, nextPageToken, numbers };
}
