import type { Generated } from 'kysely';

/** The module's tables, as Kysely takes them; `org_id` is set by the database. */
export interface Tables {
  mod_journeys_journeys: {
    id: Generated<string>;
    promise_id: string;
    carrier_id: string;
    text: string;
  };
}
