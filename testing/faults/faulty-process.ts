import './jumping-clock.ts';
import { runProcess } from '@mainstay/kernel/process';
import { modules } from '@mainstay/main/modules';
import { witness } from './witness.ts';

/** A process as `main/main.ts` starts it, with a witness beside the modules and a clock that jumps; to be killed. */
await runProcess({ modules: [...modules, witness], deploymentFile: process.argv[2], environment: process.env });
