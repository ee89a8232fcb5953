// A chain of five services, the same for every peer: a door that checks the token, and four services that each read a row of
// a table of theirs. Parcels ask journeys, journeys ask promises and accounts, as the modules of bench/placement/modules do.
import pg from 'pg';

/** Reads rows of one table by their ids: named statements, pipelined, on two connections. */
async function reader(table) {
  const clients = await Promise.all([0, 1].map(async () => {
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL, pipeline: true });
    await client.connect();
    return client;
  }));
  let turn = 0;
  return async (id) => {
    const { rows: [row] } = await clients[turn++ % 2].query({ name: 'find', text: `select * from ${table} where id = $1`, values: [id] });
    if (!row) throw new Error(`no row ${id} of ${table}`);
    return row;
  };
}

const makers = {
  parcels: (find, call) => async ({ id }) => {
    const row = await find(id);
    const { reads } = await call('journeys', { id: row.journey_id });
    return { id, text: row.text, reads: reads + 1 };
  },
  journeys: (find, call) => async ({ id }) => {
    const row = await find(id);
    const promise = await call('promises', { id: row.promise_id });
    const account = await call('accounts', { id: row.account_id });
    return { id, text: row.text, reads: 1 + promise.reads + account.reads };
  },
  promises: (find) => async ({ id }) => ({ id, text: (await find(id)).text, reads: 1 }),
  accounts: (find) => async ({ id }) => ({ id, text: (await find(id)).text, reads: 1 }),
};

/** What a service answers; `call(role, request)` asks another one. */
export const handlerOf = async (role, call) => makers[role](await reader(role), call);
