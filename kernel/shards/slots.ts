/** How many slots there are. It never changes: an org's slot is part of where its rows lie. */
export const SLOTS = 256;

/** Slots, each from 0 to 255. */
export type Slots = ReadonlySet<number>;

const WRONG = 'slots are given as numbers and ranges from 0 to 255 with commas between them, such as 0-63,70';
const hex = /^[0-9a-f]{2}$/i;

/** The slot of an org, 0 to 255: the last byte of its id, which is random in every version of UUID that is given out here. */
export function slotOf(orgId: string): number {
  const last = orgId.slice(-2);
  if (orgId.length !== 36 || !hex.test(last)) throw new Error('the id of an org is a UUID');
  return parseInt(last, 16);
}

/** The same in SQL, of an expression of type uuid. */
export const slotSql = (orgId: string): string => `get_byte(uuid_send(${orgId}), 15)`;

/** Reads slots as people write them, such as `0-63,70`. Throws an error that says how. */
export function parseSlots(text: string): Slots {
  const slots = text.split(',').flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part) ?? [];
    if (from === undefined) throw new Error(WRONG);
    const [first, last] = [Number(from), Number(to ?? from)];
    if (first > last || last >= SLOTS) throw new Error(WRONG);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
  return new Set(slots);
}

/** Slots as people write them, in order and as few ranges as can be; empty for none. */
export function formatSlots(slots: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const slot of [...new Set(slots)].sort((one, other) => one - other)) {
    const range = ranges.at(-1);
    if (range && slot === range[1] + 1) range[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** The shard that a slot is first given to, of `count`: each gets one range, and none is more than one slot larger than another. */
export const firstShardOf = (slot: number, count: number): number => Math.floor((slot * count) / SLOTS);
