/** So many of a thing, in words: `1 org`, `2 orgs`; `many` where an s behind it is not enough. */
export const quantity = (count: number | bigint, one: string, many = `${one}s`): string => `${count} ${Number(count) === 1 ? one : many}`;
