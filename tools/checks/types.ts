import { type Check, runNode } from './check.ts';

/** The native TypeScript compiler over everything, modules that are not enabled included. */
export const types: Check = {
  name: 'types',
  run: async () => void (await runNode('node_modules/typescript-native/bin/tsc', '--noEmit', '-p', '.')),
};
