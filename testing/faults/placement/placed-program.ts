import { parseArgs } from 'node:util';
import { runProcess } from '@mainstay/kernel/process';
import { modules } from '@mainstay/main/modules';
import { onlooker } from './onlooker.ts';

/** A process of a deployment as `main/main.ts` is one, with a module that writes down which events it sees. */
const { values } = parseArgs({ options: { deployment: { type: 'string' }, placement: { type: 'string' }, process: { type: 'string' } } });
await runProcess({ modules: [...modules, onlooker], deploymentFile: values.deployment, placement: values.placement, instance: values.process, environment: process.env });
