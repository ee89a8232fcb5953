import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, queryFields, readList, type Database, type DeploymentInfo } from '@mainstay/kernel';
import type { Config } from '../config.ts';
import { GreetingMadeSchema, GreetingSchema, type GreetingsService } from '../contract/index.ts';
import type { GreetingRow, Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';

interface Needs {
  db: Database<Tables>;
  config: Config;
  deployment: DeploymentInfo;
}

/** Where the fields lie that lists are filtered and ordered by. */
const fields = queryFields(GreetingSchema, {
  language: 'language',
  create_time: { column: 'create_time', required: true },
});

/** Greetings; the database shows those of the caller's org alone. */
export function greetingsService({ db, config, deployment }: Needs): ServiceImpl<typeof GreetingsService> {
  return {
    createGreeting: ({ greeting }) =>
      db.write(async (tx) => {
        const values = {
          author_id: caller().accountId,
          text: greeting!.text,
          language: greeting!.language || config.defaultLanguage,
        };
        const row = await tx.insertInto('mod_hello_greetings').values(values).returningAll().executeTakeFirstOrThrow();
        await tx.emit(GreetingMadeSchema, { greetingId: row.id }, { aggregate: row.id });
        return message(row);
      }),

    async getGreeting({ greetingId }) {
      const row = await db.read((q) => q.selectFrom('mod_hello_greetings').selectAll().where('id', '=', greetingId).executeTakeFirst());
      if (!row) throw errors.GREETING_NOT_FOUND({ greetingId });
      return message(row);
    },

    async listGreetings(request) {
      const options = { secret: deployment.secret, fields, defaultOrder: 'create_time desc' };
      const { rows, nextPageToken } = await db.read((q) => readList(q, q.selectFrom('mod_hello_greetings').selectAll(), request, options));
      return { greetings: rows.map(message), nextPageToken };
    },
  };
}

const message = (row: GreetingRow) => ({
  id: row.id,
  text: row.text,
  language: row.language,
  authorAccountId: row.author_id,
  createTime: timestampFromDate(row.create_time),
});
