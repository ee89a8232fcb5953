import { modules } from '@mainstay/main/modules';
import { startInChild } from '../start-in-child.ts';

/** A deployment of all modules, for tests that attack it; its last argument is its section `http`. */
const http = JSON.parse(process.argv[6]!) as object;
await startInChild({ http: { host: '127.0.0.1', port: 0, ...http }, operators: 'off', modules: Object.fromEntries(modules.map(({ name }) => [name, null])) }, modules);
