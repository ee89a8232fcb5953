import { errorCode, FRAME_HEAD, Http2Error, LARGEST_FRAME, readUint32 } from './frames.ts';

/** Gets the payload of each frame as the part of `bytes` between `from` and `to`, which is only lent. */
export type OnFrame = (type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number) => void;

const NONE = Buffer.alloc(0);

/** Cuts the bytes of a connection into frames. What it is given may be used again by its owner afterwards. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #held: Buffer = NONE;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  read(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      if (length > LARGEST_FRAME) throw new Http2Error(errorCode.FRAME_SIZE_ERROR, 'a frame is too large');
      const from = at + FRAME_HEAD;
      if (bytes.length < from + length) break;
      this.#onFrame(bytes[at + 3]!, bytes[at + 4]!, readUint32(bytes, at + 5) & 0x7fff_ffff, bytes, from, from + length);
      at = from + length;
    }
    this.#held = at === bytes.length ? NONE : Buffer.from(bytes.subarray(at));
  }
}
