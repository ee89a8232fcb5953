import { createHash, hash } from 'node:crypto';
import type { FileContent, TableContent } from './backup-format.ts';

/** Takes the bytes of one table or file, and says what they were. */
export interface ContentDigest<Content> {
  add(bytes: Buffer): void;
  end(): Content;
}

const newline = 10;

/**
 * Counts the rows of a table in PostgreSQL's text format, where each ends with the only line break in it, and adds up their
 * SHA-256: PostgreSQL may give the same rows in another order.
 */
export function tableDigest(): ContentDigest<TableContent> {
  const sum = new Uint32Array(8);
  let rows = 0;
  let rest: Buffer = Buffer.alloc(0);
  const addRow = (row: Buffer) => {
    const digest = hash('sha256', row, 'buffer');
    for (let lane = 0; lane < 8; lane++) sum[lane]! += digest.readUInt32LE(lane * 4);
    rows++;
  };
  return {
    add(bytes) {
      const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
      let start = 0;
      for (let end = all.indexOf(newline); end >= 0; end = all.indexOf(newline, start)) {
        addRow(all.subarray(start, end));
        start = end + 1;
      }
      // A copy, since the sender may use its memory again.
      rest = Buffer.from(all.subarray(start));
    },
    end() {
      if (rest.length > 0) throw new Error('the last row of a table is not whole');
      return { rows, digest: Buffer.from(sum.buffer).toString('hex') };
    },
  };
}

/** What tables hold together that hold these. */
export function sumOf(contents: readonly TableContent[]): TableContent {
  const sum = new Uint32Array(8);
  for (const { digest } of contents) new Uint32Array(new Uint8Array(Buffer.from(digest, 'hex')).buffer).forEach((lane, at) => { sum[at]! += lane; });
  return { rows: contents.reduce((count, { rows }) => count + rows, 0), digest: Buffer.from(sum.buffer).toString('hex') };
}

export function fileDigest(): ContentDigest<FileContent> {
  const digest = createHash('sha256');
  let bytes = 0;
  return {
    add(piece) {
      digest.update(piece);
      bytes += piece.length;
    },
    end: () => ({ bytes, sha256: digest.digest('hex') }),
  };
}
