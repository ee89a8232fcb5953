/** How many bits each octet has in the code of RFC 7541, appendix B, and the end of a string after them: the code is canonical, so that this is all of it. */
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const END = 256;

/** Two children a node: the number of a node, or `-1 - octet`. */
const tree: number[] = [0, 0];

function plant(): void {
  const order = lengths.keys().toArray().sort((one, other) => lengths[one]! - lengths[other]! || one - other);
  let code = 0;
  let before = 0;
  for (const octet of order) {
    const length = lengths[octet]!;
    code *= 2 ** (length - before);
    before = length;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const at = node * 2 + (Math.floor(code / 2 ** bit) % 2);
      if (bit === 0) tree[at] = -1 - octet;
      else if (tree[at] === 0) {
        tree[at] = node = tree.length / 2;
        tree.push(0, 0);
      } else node = tree[at]!;
    }
    code++;
  }
}
plant();

/** The octets of a string that is coded by RFC 7541, appendix B, as characters of Latin-1; nothing where it is not. */
export function fromHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  let text = '';
  let node = 0;
  let [bits, ones] = [0, 0];
  for (let at = from; at < to; at++) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (bytes[at]! >> bit) & 1;
      node = tree[node * 2 + one]!;
      bits++;
      ones = one ? ones + 1 : 0;
      if (node >= 0) continue;
      const octet = -1 - node;
      if (octet === END) return undefined;
      text += String.fromCharCode(octet);
      node = bits = ones = 0;
    }
  }
  // What fills the last octet is the beginning of the end: ones, and fewer than eight.
  return bits < 8 && ones >= bits ? text : undefined;
}
