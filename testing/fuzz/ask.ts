/** Sends a REST request as somebody; gives the answer's JSON. */
export type Ask = (as: string, path: string, body?: unknown, method?: string) => Promise<any>;
