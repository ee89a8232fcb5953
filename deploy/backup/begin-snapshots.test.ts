import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { specimenDeployment } from '../testing/specimen-backup.ts';
import { beginSnapshots, type SourceDatabase } from './begin-snapshots.ts';

type Specimen = Awaited<ReturnType<typeof specimenDeployment>>;

const urlOf = ({ adminUrl, database }: Specimen) => adminUrl.replace(/\/[^/?]*(?=\?|$)/, `/${database}`);
const connected = <T>([first, ...others]: Specimen[], work: (clients: SourceDatabase[]) => Promise<T>): Promise<T> =>
  first ? withClient(connectionConfig(urlOf(first)), (client) => connected(others, (clients) => work([{ database: first.database, client, url: urlOf(first) }, ...clients]))) : work([]);
/** As over a line to a server that is far away. */
function answersLate({ client }: SourceDatabase): void {
  const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
  client.query = (async (...given: unknown[]) => {
    await sleep(20);
    return query(...given);
  }) as unknown as typeof client.query;
}

const idsIn = async (client: pg.Client, sql: string) => (await client.query<{ id: string }>(sql)).rows.map(({ id }) => id);

test('no database of a backup has dealt with an event that another has not announced, also where one answers late', async (t) => {
  const specimens = [await specimenDeployment(t, 'select 1'), await specimenDeployment(t, 'select 1')];
  let stopped = false;
  const work = () => connected(specimens, async ([announcing, hearing]) => {
    while (!stopped) {
      const id = randomUUID();
      await announcing!.client.query("insert into mod_specimen.mod_specimen_outbox (id, type, subject, data, trace_id) values ($1, 'said', '', '{}', '')", [id]);
      await hearing!.client.query("insert into mod_specimen.mod_specimen_inbox (event_id, handler) values ($1, 'heard')", [id]);
    }
  });
  const working = [work(), work(), work()];
  for (let times = 0; times < 8; times++) {
    await connected(specimens, async (all) => {
      answersLate(all[1]!);
      await beginSnapshots(all);
      const [announced, heard] = [await idsIn(all[0]!.client, 'select id from mod_specimen.mod_specimen_outbox'), await idsIn(all[1]!.client, 'select event_id as id from mod_specimen.mod_specimen_inbox')];
      assert.deepEqual(heard.filter((id) => !announced.includes(id)), []);
      assert.ok(announced.length - heard.length <= working.length, 'and all of one moment');
    });
  }
  stopped = true;
  await Promise.all(working);
});

test('while slots move no backup is made of several databases', async (t) => {
  const specimens = [await specimenDeployment(t, 'select 1'), await specimenDeployment(t, 'select 1')];
  await connected(specimens, async (all) => {
    await withClient(connectionConfig(urlOf(specimens[1]!)), async (mover) => {
      await mover.query('select pg_advisory_lock(1936486260, 257)');
      await assert.rejects(beginSnapshots(all), { name: 'OperatorError', message: /slots are being moved from one shard to another/ });
    });
    await beginSnapshots(all);
  });
});
