import { ScalarType, type DescMessage } from '@bufbuild/protobuf';
import { typesWithin } from '../../codec/types-within.ts';

/** Room for any form. A request is read before anyone knows who sends it: 16 MiB of empty objects would take eight seconds. */
const withoutBytes = 1024 * 1024;

/** The largest request of a method, in bytes: the deployment's limit where it can carry `bytes`, such as a file, and otherwise at most 1 MiB. */
export function messageLimit(input: DescMessage, bodyLimitBytes: number): number {
  let holds = known.get(input);
  if (holds === undefined) known.set(input, (holds = holdsBytes(input)));
  return holds ? bodyLimitBytes : Math.min(bodyLimitBytes, withoutBytes);
}

const known = new WeakMap<DescMessage, boolean>();

const holdsBytes = (input: DescMessage): boolean => [...typesWithin(input)].some(({ fields }) => fields.some(({ scalar }) => scalar === ScalarType.BYTES));
