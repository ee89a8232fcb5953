import { withModulesOf } from '../module-files.ts';
import { startInChild } from '../start-in-child.ts';

// A test forks this and kills it.
const [, port, claimSeconds] = process.argv.slice(5) as [string, string, string];
const email = { smtp: { host: '127.0.0.1', port: Number(port), security: 'none', connections: 8 }, claimSeconds: Number(claimSeconds), waitSeconds: [0, 1, 1, 1, 1, 1, 1, 1], hourlyPerAccount: 10_000 };
const modules = await withModulesOf([import.meta.resolve('../../modules/sys-email/testing/sending-module.ts')]);
await startInChild({ phase: 'A', http: { port: 0 }, operators: 'off', modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': email, 'mod-probe': null } }, modules);
