import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { withEach, type CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { SagasService, SagaState, SagaStepState, type Saga } from '../contract/index.ts';

interface ListOptions {
  filter: string;
  limit: number;
}

/** Adds the commands for sagas. */
export default function sagas(group: Command, cli: CommandTools): void {
  group.description('Processes of several steps, and how far they are.');
  group
    .command('list')
    .summary('list them, the newest first')
    .option('--filter <filter>', 'which ones, such as "state = SAGA_STUCK AND module = mod-promist"', '')
    .option('--limit <count>', 'how many at most', count, 50)
    .action((options: ListOptions) => list(cli, options));
  group.command('show').summary('show one with its steps').argument('<id>', 'as list shows it').action((sagaId: string) => show(cli, sagaId));
  group.command('retry').summary('try the step at which they failed again, at once').argument('<id...>', 'as list shows it').action((ids: string[]) => each(cli, ids, 'retrySaga', 'tried again'));
  group.command('cancel').summary('undo what they did instead of going on').argument('<id...>', 'as list shows it').action((ids: string[]) => each(cli, ids, 'cancelSaga', 'cancelled'));
}

async function list(cli: CommandTools, { filter, limit }: ListOptions): Promise<void> {
  const client = await cli.client(SagasService);
  const found: Saga[] = [];
  let pageToken = '';
  do {
    const page = await client.listSagas({ filter, pageSize: Math.min(limit - found.length, 1000), pageToken });
    found.push(...page.sagas);
    pageToken = page.nextPageToken;
  } while (pageToken && found.length < limit);
  if (found.length === 0 && !cli.json) return cli.print('no sagas');
  cli.table(found.map(({ sagaId, module, saga, state, step, startTime, error }) => ({ id: sagaId, module, saga, state: stateOf(state), step, started: textOf(startTime), error: error.split('\n')[0]! })));
  if (pageToken && !cli.json) cli.print(`and more: --limit ${limit * 2} shows them`);
}

async function show(cli: CommandTools, sagaId: string): Promise<void> {
  const saga = await (await cli.client(SagasService)).getSaga({ sagaId });
  const steps = saga.steps.map(({ name, state, attempts, time, error }) => ({ step: name, state: SagaStepState[state].replace('SAGA_STEP_', '').toLowerCase(), failed: String(attempts), since: textOf(time), error: error.split('\n')[0]! }));
  if (!cli.json) cli.print(`${saga.module}/${saga.saga} is ${stateOf(saga.state)}${saga.cancelled ? ' (cancelled)' : ''}, started ${textOf(saga.startTime)}${saga.error ? `: ${saga.error}` : ''}`);
  cli.table(steps);
}

async function each(cli: CommandTools, ids: readonly string[], method: 'retrySaga' | 'cancelSaga', done: string): Promise<void> {
  const client = await cli.client(SagasService);
  await withEach(cli, ids, (sagaId) => client[method]({ sagaId }), { result: 'sagaIds', line: (id) => `${id} ${done}`, done });
}

const stateOf = (state: SagaState): string => SagaState[state].replace('SAGA_', '').toLowerCase();
const textOf = (time: Timestamp | undefined): string => (time ? timestampDate(time).toISOString() : '');

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}
