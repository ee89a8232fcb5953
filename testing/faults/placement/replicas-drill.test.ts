import { test } from 'node:test';
import { halted, killed, patience, postgresKilled, rollingRestart } from './faults.ts';
import { underFaults } from './under-faults.ts';

test('while two processes of each kind give their places to new ones, one after the other, no request fails', { timeout: patience }, async (t) => {
  await underFaults(t, { placement: 'replicas' }, [rollingRestart]);
});

test('two processes of each kind over one database: none of the faults loses or doubles anything', { timeout: patience }, async (t) => {
  await underFaults(t, { placement: 'replicas' }, [
    killed('sys-main-0'),
    killed('mod-main-1'),
    halted('sys-main-1'),
    halted('mod-main-0'),
    postgresKilled,
  ]);
});
