import { getOption, type DescExtension, type DescField, type DescFile, type DescMessage } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';

/** What may be shown of a message type: its fields by their name in programs. */
type Shown = ReadonlyMap<string, DescField>;

const shown = new Map<string, Shown>();

/** Says which message types there are, so that logs can show those of their fields that are no secret. */
export function knowMessages(files: Iterable<DescFile>): void {
  for (const file of files) for (const message of file.messages) know(message);
}

/** The fields of a message type that a log may show; nothing for a type that nobody made known. */
export const shownFields = (typeName: string): Shown | undefined => shown.get(typeName);

function know(message: DescMessage): void {
  shown.set(message.typeName, new Map(message.fields.filter(mayBeShown).map((field) => [field.localName, field])));
  for (const nested of message.nestedMessages) know(nested);
}

/** A page token holds values of the row that it stands at. */
const mayBeShown = (field: DescField): boolean => !getOption(field, sensitive as DescExtension as typeof sensitive) && !/(^|_)page_token$/.test(field.name);
