/** Writes the JSON Schema of deployment files, which editors complete them from. A test proves that it is fresh. */
import { writeFileSync } from 'node:fs';
import { deploymentJsonSchema } from '@mainstay/kernel/deployment';
import { modules } from '@mainstay/main/modules';

const file = new URL('../deploy/deployment.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(deploymentJsonSchema(modules), null, 2)}\n`);
