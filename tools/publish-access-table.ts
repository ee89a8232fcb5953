/** Writes `docs/access.md`, who may call what. A test proves that it is fresh, another that the platform keeps to it. */
import { writeFileSync } from 'node:fs';
import { modules } from '@mainstay/main/modules';
import { accessTable } from './access-table.ts';

writeFileSync(new URL('../docs/access.md', import.meta.url), accessTable(modules));
