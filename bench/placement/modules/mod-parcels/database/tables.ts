import type { Generated } from 'kysely';

/** The module's tables, as Kysely takes them; `org_id` is set by the database. */
export interface Tables {
  mod_parcels_parcels: {
    id: Generated<string>;
    journey_id: string;
    text: string;
  };
}
