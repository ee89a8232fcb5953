/** Whether a text has the shape of an id; anything else can't be the id of a row. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** Letters to look for, as a LIKE pattern that finds them anywhere and nothing else. */
export const anywhere = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
