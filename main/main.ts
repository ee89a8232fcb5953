import { parseArgs } from 'node:util';
import { runProcess } from '@mainstay/kernel/process';
import { modules } from './modules.ts';

const { values } = parseArgs({ options: { deployment: { type: 'string' } } });
await runProcess({ modules, deploymentFile: values.deployment, environment: process.env });
