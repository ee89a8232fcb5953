/** One process of a deployment under measurement: as `main/main.ts` starts one, with the two modules of the benchmarks besides. */
import { parseArgs } from 'node:util';
import { runProcess } from '@mainstay/kernel/process';
import { modules } from '@mainstay/main/modules';
import journeys from './modules/mod-journeys/module.ts';
import parcels from './modules/mod-parcels/module.ts';

const { values } = parseArgs({ options: { deployment: { type: 'string' }, placement: { type: 'string' }, process: { type: 'string' } } });
await runProcess({ modules: [...modules, journeys, parcels], deploymentFile: values.deployment, placement: values.placement, instance: values.process, environment: process.env });
