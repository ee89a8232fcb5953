import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { requireCompared, type DeploymentInfo, type SagaReport } from '@mainstay/kernel';
import { SagaState, SagaStepState, type SagaSchema, type SagasService } from '../contract/index.ts';
import { errors } from '../errors.ts';
import { listFields } from './list-fields.ts';

/** The sagas of all modules, for operators; cancelled and retried beyond their command's transaction, where each saga lies. */
export function sagasService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof SagasService> {
  const { sagas } = deployment.operations;
  const get = async (sagaId: string) => {
    const found = await sagas.get(sagaId);
    if (!found) throw errors.SAGA_NOT_FOUND({ sagaId });
    return found;
  };
  return {
    async listSagas(request) {
      const { rows, ...page } = await sagas.list(request, { secret: deployment.secret, fields: listFields.sagas, defaultOrder: 'start_time desc' });
      return { sagas: rows.map(sagaMessage), ...page };
    },

    getSaga: async ({ sagaId }) => sagaMessage(await get(sagaId)),

    async cancelSaga({ sagaId }) {
      requireCompared();
      const { state } = await get(sagaId);
      if (!(await sagas.cancel(sagaId))) throw errors.SAGA_NOT_CANCELLABLE({ sagaId, state });
      return sagaMessage(await get(sagaId));
    },

    async retrySaga({ sagaId }) {
      requireCompared();
      const { state } = await get(sagaId);
      if (!(await sagas.retry(sagaId))) throw errors.SAGA_NOT_FAILED({ sagaId, state });
      return sagaMessage(await get(sagaId));
    },
  };
}

function sagaMessage({ id, state, steps, isCancelled, startedAt, changedAt, endedAt, wakeAt, deadline, ...saga }: SagaReport): MessageInitShape<typeof SagaSchema> {
  return {
    ...saga,
    sagaId: id,
    state: SagaState[`SAGA_${state}`],
    steps: steps.map(({ time, ...step }) => ({ ...step, state: SagaStepState[`SAGA_STEP_${step.state}`], time: timeOf(time) })),
    cancelled: isCancelled,
    startTime: timeOf(startedAt),
    changeTime: timeOf(changedAt),
    endTime: timeOf(endedAt),
    wakeTime: timeOf(wakeAt),
    deadline: timeOf(deadline),
  };
}

const timeOf = (text: string | undefined) => (text === undefined ? undefined : timestampFromDate(new Date(text)));
