import { test } from 'node:test';
import { halted, killed, patience, postgresKilled } from './faults.ts';
import { underFaults } from './under-faults.ts';

test('each module in a process of its own: none of the faults loses or doubles anything', { timeout: patience }, async (t) => {
  await underFaults(t, { placement: 'per-module' }, [
    ...['sys-gateway', 'sys-core', 'sys-accounts', 'mod-promist', 'mod-witness'].map(killed),
    halted('mod-promist'),
    postgresKilled,
  ]);
});
