import { contractFolders, nameContractFolders } from '../contract-folders.ts';
import { buf } from './buf.ts';
import { type Check, root } from './check.ts';

/** Contracts follow the house rules of `buf.yaml`. */
export const contractLint: Check = {
  name: 'contract lint',
  run: async (say) => {
    nameContractFolders(root);
    say(`${contractFolders(root).length} folders`);
    await buf(['lint']);
  },
};
