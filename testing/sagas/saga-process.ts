import { modules } from '@mainstay/main/modules';
import { ledger } from '../ledger/ledger-modules.ts';
import { startInChild } from '../start-in-child.ts';
import { traveler } from './traveler-module.ts';

/** A process with sagas, for tests that kill it. */
await startInChild({ http: { port: 0 }, operators: 'off', modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-ledger': null, 'mod-traveler': null } }, [...modules, ledger, traveler]);
