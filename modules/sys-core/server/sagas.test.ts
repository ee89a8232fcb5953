import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { Command } from 'commander';
import sagasGroup from '../commands/sagas.ts';
import { DeadLettersService, SagasService, SagaState, SagaStepState } from '../contract/index.ts';

const ops = 'ops@mainstay.test';

/** The bank is open as long as this file is there, whichever process looks. */
const bank = join(mkdtempSync(join(tmpdir(), 'mainstay-bank-')), 'open');
after(() => rmSync(dirname(bank), { recursive: true }));
const options = { modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-probe': { bank } }, moduleFiles: [import.meta.resolve('../testing/payment-module.ts')] };

/** Starts a saga, and gives its id when it is in that state. */
async function begin(deployment: TestDeployment, days: number, state: SagaState): Promise<string> {
  const client = await deployment.client(SagasService, ops);
  const before = new Set((await client.listSagas({})).sagas.map(({ sagaId }) => sagaId));
  await deployment.sqlOf('mod-probe', `select graphile_worker.add_job('mod-probe/begin', json_build_object('id', uuidv7(), 'payload', json_build_object('days', $1::int), 'traceId', repeat('0', 32)))`, [days]);
  const found = () => client.listSagas({}).then(({ sagas }) => sagas.find((saga) => !before.has(saga.sagaId) && saga.state === state));
  return (await until(found, `a saga is ${SagaState[state]}`)).sagaId;
}

async function run(deployment: TestDeployment, ...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, ops), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: false };
  const program = new Command().exitOverride();
  sagasGroup(program.command('sagas').exitOverride(), tools);
  await program.parseAsync(['sagas', ...args], { from: 'user' });
  return { rows, text: lines.join('\n') };
}

everyTopology('operators see how far a saga is, and nothing of what it was given and gave', async (deployment) => {
  const sagaId = await begin(deployment, 1, SagaState.SAGA_WAITING);
  const saga = await (await deployment.fetch(`/v1/sagas/${sagaId}`, { as: ops })).json() as { steps: { name: string; state: string }[] };
  assert.deepEqual(saga.steps.map(({ name, state }) => [name, state]), [['reserve', 'SAGA_STEP_DONE'], ['rest', 'SAGA_STEP_PENDING'], ['pay', 'SAGA_STEP_PENDING']]);
  assert.doesNotMatch(JSON.stringify(saga), /secret/);
  assert.match((await run(deployment, 'show', sagaId)).text, /^mod-probe\/payment is waiting, started \d/);
  assert.deepEqual((await run(deployment, 'list', '--filter', 'state = SAGA_WAITING AND saga = payment')).rows.map(({ id, step: at }) => [id, at]), [[sagaId, 'rest']]);
}, options);

everyTopology('a saga that is cancelled and can not be undone is a dead letter; retried, it is undone', async (deployment) => {
  rmSync(bank, { force: true });
  const sagaId = await begin(deployment, 1, SagaState.SAGA_WAITING);
  const client = await deployment.client(SagasService, ops);
  assert.equal((await run(deployment, 'cancel', sagaId)).text, `${sagaId} cancelled`);
  const stands = (state: SagaState) => until(() => client.getSaga({ sagaId }).then((saga) => saga.state === state && saga), `the saga is ${SagaState[state]}`);
  const stuck = await stands(SagaState.SAGA_STUCK);
  assert.match(stuck.error, /^the bank of \S+ is closed$/);
  assert.doesNotMatch(stuck.error, /umbrella/);
  await assert.rejects(client.cancelSaga({ sagaId }), (error) => reasonOf(error) === 'sys-core.SAGA_NOT_CANCELLABLE');
  const letters = await deployment.client(DeadLettersService, ops);
  const found = await until(async () => (await letters.listDeadLetters({ filter: 'job = "saga:payment"' })).deadLetters[0]);
  assert.deepEqual([found.sagaId, found.step], [sagaId, 'reserve']);
  writeFileSync(bank, '');
  await run(deployment, 'retry', sagaId);
  assert.deepEqual((await stands(SagaState.SAGA_COMPENSATED)).steps.map(({ state }) => state), [SagaStepState.SAGA_STEP_COMPENSATED, SagaStepState.SAGA_STEP_FAILED, SagaStepState.SAGA_STEP_PENDING]);
  await assert.rejects(client.retrySaga({ sagaId }), (error) => reasonOf(error) === 'sys-core.SAGA_NOT_FAILED');
  assert.deepEqual((await letters.listDeadLetters({})).deadLetters, []);
}, options);

everyTopology('a saga has no version: a call that names one is refused before the saga is cancelled or retried', async (deployment) => {
  const sagaId = await begin(deployment, 1, SagaState.SAGA_WAITING);
  const client = await deployment.client(SagasService, ops);
  const { changeTime } = await client.getSaga({ sagaId });
  for (const verb of ['cancel', 'retry']) {
    const answer = await deployment.fetch(`/v1/sagas/${sagaId}:${verb}`, { as: ops, body: {}, headers: { 'if-match': '"wrong"' } });
    assert.deepEqual([answer.status, ((await answer.json()) as { reason: string }).reason], [400, 'kernel.IF_MATCH_NOT_COMPARED'], verb);
  }
  const { state, cancelled, changeTime: after } = await client.getSaga({ sagaId });
  assert.deepEqual([state, cancelled, after], [SagaState.SAGA_WAITING, false, changeTime]);
}, options);

everyTopology('sagas are for operators, and one that there never was is not found', async (deployment) => {
  const sagaId = crypto.randomUUID();
  assert.equal((await deployment.fetch('/v1/sagas', { as: 'olga@acme.test' })).status, 403);
  assert.equal((await deployment.fetch(`/v1/sagas/${sagaId}`, { as: ops })).status, 404);
  assert.equal((await deployment.fetch(`/v1/sagas/${sagaId}:cancel`, { as: ops, body: {} })).status, 404);
}, options);
