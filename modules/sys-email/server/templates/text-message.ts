import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EmailBlock as Block, EmailText as Text } from '@mainstay/kernel';
import type { EmailBlock, EmailBlockSchema, EmailText, EmailTextSchema } from '../../contract/index.ts';

/** A text as the contract writes it. */
export const textMessage = ({ subject, body }: Text): MessageInitShape<typeof EmailTextSchema> => ({ subject, body: body.map((block) => ({ block: caseOf(block) })) });

function caseOf(block: Block): Extract<MessageInitShape<typeof EmailBlockSchema>, { $typeName?: never }>['block'] {
  if ('button' in block) return { case: 'button', value: { label: block.button, link: block.link } };
  if ('heading' in block) return { case: 'heading', value: block.heading };
  if ('text' in block) return { case: 'text', value: block.text };
  if ('code' in block) return { case: 'code', value: block.code };
  return { case: 'note', value: block.note };
}

/** A text of a request as files write it; not checked. */
export const textOfMessage = ({ subject, body }: EmailText): unknown => ({ subject, body: body.map(blockOf) });

function blockOf({ block }: EmailBlock): unknown {
  if (block.case === 'button') return { button: block.value.label, link: block.value.link };
  return block.case === undefined ? {} : { [block.case]: block.value };
}
