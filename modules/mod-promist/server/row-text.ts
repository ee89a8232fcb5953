/** Whether a text has the shape of an id; anything else can't be the id of a row. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** PostgreSQL takes no null character in a text, so nothing it holds has one. */
export const withoutNull = (text: string): string => text.replaceAll('\0', '\ufffd');

/** Letters to look for, as a LIKE pattern that finds them anywhere and nothing else. */
export const anywhere = (text: string): string => `%${withoutNull(text).replace(/[\\%_]/g, '\\$&')}%`;
