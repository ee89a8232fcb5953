import type { Generated, Selectable } from 'kysely';

/** The module's tables, as Kysely takes them; `org_id` is set by the database. */
export interface Tables {
  mod_hello_greetings: {
    id: Generated<string>;
    author_id: string;
    text: string;
    language: string;
    create_time: Generated<Date>;
  };
}

export type GreetingRow = Selectable<Tables['mod_hello_greetings']>;
