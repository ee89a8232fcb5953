import type { Client } from '@connectrpc/connect';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, type ListPromisesRequest, type Promise as PromiseMessage, type PromisesService } from '../contract/index.ts';

type PromisesClient = Client<typeof PromisesService>;

const shortLength = 8;
const fewest = 4;

/** How a list shows an id: its end, since ids that were made together begin alike. */
export const shortId = (id: string): string => id.slice(-shortLength);

/** Every promise that matches a request, page after page. */
export async function* everyPromise(client: PromisesClient, request: Partial<Omit<ListPromisesRequest, '$typeName'>>): AsyncGenerator<PromiseMessage> {
  for (let pageToken = ''; ; ) {
    const page = await client.listPromises({ pageSize: 1000, ...request, pageToken });
    yield* page.promises;
    if (!(pageToken = page.nextPageToken)) return;
  }
}

/** The whole ids of promises given by a beginning of what a list shows, or a beginning or end of the whole. Throws where one fits no promise, or several. */
export async function findIds(client: PromisesClient, given: readonly string[]): Promise<string[]> {
  const words = given.map((word) => word.trim().toLowerCase());
  for (const word of words) if (word.length < fewest || !/^[0-9a-f-]+$/.test(word)) throw new Error(`"${word}" is not the id of a promise: give at least ${fewest} letters of what ./mainstay promises list shows`);
  if (words.every((word) => word.length === 36)) return words;
  const ids: string[] = [];
  for (const shelf of [Shelf.BOTH, Shelf.DELETED]) for await (const { id } of everyPromise(client, { view: View.ALL, shelf })) ids.push(id);
  return words.map((word) => onlyOne(word, ids));
}

function onlyOne(word: string, ids: readonly string[]): string {
  const fitting = ids.filter((id) => id.startsWith(word) || id.endsWith(word) || shortId(id).startsWith(word));
  if (fitting.length === 1) return fitting[0]!;
  throw new Error(fitting.length ? `"${word}" fits ${fitting.length} promises: give more letters` : `no promise ${word}`);
}
