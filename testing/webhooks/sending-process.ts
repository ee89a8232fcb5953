import { modules } from '@mainstay/main/modules';
import { startInChild } from '../start-in-child.ts';

// A test forks this and kills it.
await startInChild({ http: { port: 0 }, operators: 'off', modules: { 'sys-core': { webhooks: { waitSeconds: [0, 2, 2, 2], timeoutSeconds: 1 } }, 'sys-accounts': null, 'sys-email': null, 'mod-promist': null } }, modules);
