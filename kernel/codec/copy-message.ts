import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { compileCopy, type Copy } from './compile-copy.ts';

/** Holds a type's copy function; compiled on first use, so that message types may contain each other. */
interface Cell {
  copy: Copy;
}

const cells = new WeakMap<DescMessage, Cell>();

function cellOf(desc: DescMessage): Cell {
  const known = cells.get(desc);
  if (known) return known;
  const cell: Cell = { copy: (message) => (cell.copy = compileCopy(desc, cellOf))(message) };
  cells.set(desc, cell);
  return cell;
}

/**
 * Makes the copy function of a message type. It takes a message or its initializer and gives the message that
 * the other end of a wire would read; nothing in it is shared with the original. Throws `internal` for a value
 * that cannot be written, as a wire does.
 */
export function copierOf<D extends DescMessage>(desc: D): (message: MessageInitShape<D>) => MessageShape<D> {
  const cell = cellOf(desc);
  return (message) => {
    try {
      return cell.copy(message) as MessageShape<D>;
    } catch {
      return overTheWire(desc, message);
    }
  };
}

/** What the compiled copy does not expect, such as a 64-bit integer given as a string, the library converts or refuses. */
function overTheWire<D extends DescMessage>(desc: D, message: MessageInitShape<D>): MessageShape<D> {
  try {
    return fromBinary(desc, toBinary(desc, create(desc, message)));
  } catch (error) {
    throw new ConnectError(`serialize binary: ${error instanceof Error ? error.message : error}`, Code.Internal);
  }
}
