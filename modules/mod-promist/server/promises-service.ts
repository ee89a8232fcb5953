import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readMask } from '@mainstay/kernel';
import { PromiseSchema, type PromisesService } from '../contract/index.ts';
import type { Needs } from './needs.ts';
import { batchCreatePromises, batchDeletePromises, batchGetPromises } from './promises/batch-promises.ts';
import { addReminder, removeReminder } from './promises/change-reminders.ts';
import { changeState } from './promises/change-state.ts';
import { createPromise } from './promises/create-promise.ts';
import { getStatistics } from './promises/get-statistics.ts';
import { listChanges } from './promises/list-changes.ts';
import { listPromises } from './promises/list-promises.ts';
import { promiseMessage } from './promises/promise-message.ts';
import { setArchived, setDeleted } from './promises/put-away.ts';
import { sharePromise, unsharePromise } from './promises/share-promise.ts';
import { batchUpdatePromises, updatePromise } from './promises/update-promise.ts';

/** Promises; each method is told in a file of its own. */
export function promisesService(needs: Needs): ServiceImpl<typeof PromisesService> {
  return {
    createPromise: (request) => createPromise(needs, request),
    async getPromise({ promiseId, readMask: mask }) {
      const cut = readMask(PromiseSchema, mask);
      return cut(await promiseMessage(needs, promiseId, caller().accountId));
    },
    listPromises: (request) => listPromises(needs, request),
    updatePromise: (request) => updatePromise(needs, request),
    fulfillPromise: (request) => changeState(needs, request, 'fulfill'),
    failPromise: (request) => changeState(needs, request, 'fail'),
    reopenPromise: (request) => changeState(needs, request, 'reopen'),
    archivePromise: (request) => setArchived(needs, request, true),
    unarchivePromise: (request) => setArchived(needs, request, false),
    deletePromise: (request) => setDeleted(needs, request, true),
    restorePromise: (request) => setDeleted(needs, request, false),
    sharePromise: (request) => sharePromise(needs, request),
    unsharePromise: (request) => unsharePromise(needs, request),
    addReminder: (request) => addReminder(needs, request),
    removeReminder: (request) => removeReminder(needs, request),
    batchGetPromises: (request) => batchGetPromises(needs, request),
    batchCreatePromises: (request) => batchCreatePromises(needs, request),
    batchUpdatePromises: (request) => batchUpdatePromises(needs, request),
    batchDeletePromises: (request) => batchDeletePromises(needs, request),
    listChanges: (request) => listChanges(needs, request),
    getStatistics: (request) => getStatistics(needs, request),
    // The readers and writers of files are a tenth of the process's memory, and seldom wanted.
    async *importPromises(request) {
      const { importPromises } = await import('./exchange/import-promises.ts');
      yield* importPromises(needs, request);
    },
    async *exportPromises(request) {
      const { exportPromises } = await import('./exchange/export-promises.ts');
      yield* exportPromises(needs, request);
    },
  };
}
