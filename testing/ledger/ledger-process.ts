import { modules } from '@mainstay/main/modules';
import { startInChild } from '../start-in-child.ts';
import { clerk, ledger } from './ledger-modules.ts';

/** A process with the ledger, for tests that kill it. */
await startInChild({ http: { port: 0 }, modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-ledger': null, 'mod-clerk': null } }, [...modules, ledger, clerk]);
