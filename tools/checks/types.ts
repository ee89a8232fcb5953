import { type Check, runNode } from './check.ts';

/** What the compiler knows from the last time: after a change of one contract it takes a third of the time. */
const memory = ['--incremental', '--tsBuildInfoFile', '.toolchain/types.tsbuildinfo'];

/** Each checker works out the types that it meets by itself: the default of four does twice the work of two. */
const checkers = ['--checkers', '2'];

/** The native TypeScript compiler over everything, modules that are not enabled included. */
export const types: Check = {
  name: 'types',
  run: async () => void (await runNode('node_modules/typescript-native/bin/tsc', '--noEmit', '-p', '.', ...checkers, ...memory)),
};
