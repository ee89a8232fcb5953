/** Writes the JSON Schema of placement files, which editors complete them from. A test proves that it is fresh. */
import { writeFileSync } from 'node:fs';
import { placementJsonSchema } from '@mainstay/kernel/placement';

writeFileSync(new URL('../deploy/placement.schema.json', import.meta.url), `${JSON.stringify(placementJsonSchema(), null, 2)}\n`);
