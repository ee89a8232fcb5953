import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { buf, contractFolders } from './buf.ts';
import { type Check, CheckFailed, root } from './check.ts';

/** Contracts follow the house rules of `buf.yaml`, and every folder of contracts is named there. */
export const contractLint: Check = {
  name: 'contract lint',
  run: async (say) => {
    const named = new Set((parse(readFileSync(join(root, 'buf.yaml'), 'utf8')) as { modules: { path: string }[] }).modules.map(({ path }) => path));
    const missing = contractFolders(root).filter((folder) => !named.has(folder));
    if (missing.length > 0) throw new CheckFailed(`buf.yaml does not name ${missing.join(', ')}: add each under "modules"`);
    say(`${named.size - 1} folders`);
    await buf(['lint']);
  },
};
