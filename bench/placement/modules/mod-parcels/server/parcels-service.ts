import type { Client, ServiceImpl } from '@connectrpc/connect';
import type { Database } from '@mainstay/kernel';
import type { JourneysService } from '../../mod-journeys/contract/index.ts';
import type { ParcelsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';

interface Needs {
  db: Database<Tables>;
  journeys: Client<typeof JourneysService>;
}

/** Parcels; the database shows those of the caller's org alone. */
export function parcelsService({ db, journeys }: Needs): ServiceImpl<typeof ParcelsService> {
  return {
    async getParcel({ parcelId }) {
      const row = await db.read((q) => q.selectFrom('mod_parcels_parcels').selectAll().where('id', '=', parcelId).executeTakeFirst());
      if (!row) throw errors.PARCEL_NOT_FOUND({ parcelId });
      const { reads } = await journeys.getJourney({ journeyId: row.journey_id });
      return { id: row.id, text: row.text, reads: reads + 1 };
    },
  };
}
