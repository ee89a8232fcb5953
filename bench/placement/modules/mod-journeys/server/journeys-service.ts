import type { Client, ServiceImpl } from '@connectrpc/connect';
import type { Database } from '@mainstay/kernel';
import type { PromisesService } from '@mainstay/mod-promist/contract';
import type { AccountsService } from '@mainstay/sys-accounts/contract';
import type { JourneysService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';

interface Needs {
  db: Database<Tables>;
  promises: Client<typeof PromisesService>;
  accounts: Client<typeof AccountsService>;
}

/** Journeys; the database shows those of the caller's org alone. */
export function journeysService({ db, promises, accounts }: Needs): ServiceImpl<typeof JourneysService> {
  return {
    async getJourney({ journeyId }) {
      const row = await db.read((q) => q.selectFrom('mod_journeys_journeys').selectAll().where('id', '=', journeyId).executeTakeFirst());
      if (!row) throw errors.JOURNEY_NOT_FOUND({ journeyId });
      const { id } = await promises.getPromise({ promiseId: row.promise_id });
      const { accountId } = await accounts.getAccount({ accountId: row.carrier_id });
      return { id: row.id, text: row.text, reads: 1 + Number(id === row.promise_id) + Number(accountId === row.carrier_id) };
    },
  };
}
