import { type Order } from '../data/paginate.ts';
import { invalidOrder } from './query-errors.ts';
import type { QueryFields } from './query-fields.ts';

const part = /^([A-Za-z_][\w.]*)(?:\s+(asc|desc))?$/;
const mostFields = 8;

/**
 * Reads an order (AIP-132), such as `due_time desc, title`; what is equal then goes by id. Throws `kernel.INVALID_ORDER`
 * for a field that can't be ordered by, and for one named twice.
 */
export function parseOrder(text: string, { sortable, id }: QueryFields): Order[] {
  const orders = new Map<string, Order>();
  const parts = text.split(',');
  if (parts.length > mostFields) throw invalidOrder(`name ${mostFields} fields at most`);
  for (const given of parts) {
    const [, name, direction = 'asc'] = part.exec(given.trim()) ?? [];
    if (!name) throw invalidOrder('write fields with commas between them, each with desc behind it or not, such as "create_time desc"');
    const [path, field] = [...sortable].find(([known]) => known === name || camel(known) === name) ?? [];
    if (!path || !field) throw invalidOrder(`it can not be ordered by ${name.slice(0, 60)}; sortable: ${[...sortable.keys()].join(', ') || 'none'}`);
    if (orders.has(path)) throw invalidOrder(`${path} is named twice`);
    orders.set(path, [field.column, direction as 'asc' | 'desc', field.nullable]);
  }
  return [...orders.values(), [id, [...orders.values()].at(-1)![1]]];
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
