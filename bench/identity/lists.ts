import { readFileSync } from 'node:fs';
import { create, type DescMethod, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import pg from 'pg';
import accounts from '../../modules/sys-accounts/module.ts';
import { isList, questionsOf } from '../../testing/lists/list-questions.ts';
import { percentile } from '../percentile.ts';

/** How often each question is asked, after three times that count for nothing. */
const ASKED = 15;

export interface ListTimes {
  method: string;
  /** How many questions it was asked: each filter, each order. */
  questions: number;
  /** Milliseconds, of all questions. */
  p50: number;
  p99: number;
  /** The question that takes longest, as JSON, and its median. */
  slowest: string;
  slowestP50: number;
}

/** Fills the tables of accounts with 100,000 rows each: as many accounts, and orgs, of which 5,000 have members beside their maker. */
export async function fillAccounts(databaseUrl: string, { orgId, accountId }: { orgId: string; accountId: string }): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`select set_config('test.org', $1, false), set_config('test.account', $2, false), set_config('session_replication_role', 'replica', false)`, [orgId, accountId]);
  await client.query(`set search_path = sys_accounts; ${readFileSync(new URL('../many-rows.sql', accounts.database!.migrations), 'utf8')}`);
  await client.query('vacuum analyze');
  await client.end();
}

/** Asks every list of accounts every question that a person may ask, one at a time. */
export async function timeLists(address: string, token: string, ids: Readonly<Record<string, string>>): Promise<ListTimes[]> {
  const transport = createGrpcTransport({ baseUrl: address });
  const header = { authorization: `Bearer ${token}` };
  const ask = (method: DescMethod, question: Message) => transport.unary(method as DescMethodUnary, undefined, undefined, header, question as never);
  const times: ListTimes[] = [];
  for (const method of accounts.services!.flatMap(({ service }) => service.methods.filter(isList))) {
    const taken: { question: Message; median: number; all: number[] }[] = [];
    for (const question of questionsOf(method, ids)) {
      const all = await timed(() => ask(method, question));
      if (all) taken.push({ question, all, median: percentile(all, 0.5) });
    }
    if (taken.length === 0) continue;
    const [slowest] = taken.toSorted((a, b) => b.median - a.median);
    const all = taken.flatMap((one) => one.all);
    times.push({ method: method.name, questions: taken.length, p50: percentile(all, 0.5), p99: percentile(all, 0.99), slowest: shown(method, slowest!.question), slowestP50: slowest!.median });
  }
  return times;
}

/** Nothing where the person may not ask. */
async function timed(work: () => Promise<unknown>): Promise<number[] | undefined> {
  const all: number[] = [];
  for (let count = 0; count < ASKED + 3; count++) {
    const began = performance.now();
    const problem = await work().then(() => undefined, (error: unknown) => ConnectError.from(error));
    if (problem && [Code.PermissionDenied, Code.InvalidArgument, Code.NotFound].includes(problem.code)) return undefined;
    if (problem) throw problem;
    if (count >= 3) all.push(performance.now() - began);
  }
  return all;
}

const shown = (method: DescMethod, question: Message): string => {
  const plain = create(method.input) as unknown as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(Object.entries(question).filter(([name, value]) => !name.startsWith('$') && name !== 'pageSize' && JSON.stringify(value) !== JSON.stringify(plain[name]))));
};
