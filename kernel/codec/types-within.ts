import type { DescMessage } from '@bufbuild/protobuf';

/** The type itself, and those of all messages that one of it may hold, however deep. */
export function typesWithin(desc: DescMessage, found = new Set<DescMessage>()): Set<DescMessage> {
  if (found.has(desc)) return found;
  found.add(desc);
  for (const { message } of desc.fields) if (message) typesWithin(message, found);
  return found;
}
