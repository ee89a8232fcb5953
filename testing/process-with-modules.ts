import { parseArgs } from 'node:util';
import { runProcess } from '@mainstay/kernel/process';
import { withModulesOf } from './module-files.ts';

/** One process of a deployment, as `main/main.ts`, with modules of tests beside those of the build: `--module URL` for each file. */
const { values } = parseArgs({ options: { deployment: { type: 'string' }, placement: { type: 'string' }, process: { type: 'string' }, module: { type: 'string', multiple: true, default: [] } } });
await runProcess({ modules: await withModulesOf(values.module), deploymentFile: values.deployment, placement: values.placement, instance: values.process, environment: process.env });
