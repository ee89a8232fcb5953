import { parseArgs } from 'node:util';
import { runProcess } from '@mainstay/kernel/process';
import { modules } from './modules.ts';

const { values } = parseArgs({ options: { deployment: { type: 'string' }, placement: { type: 'string' }, process: { type: 'string' } } });
await runProcess({ modules, deploymentFile: values.deployment, placement: values.placement, instance: values.process, environment: process.env });
