import type { Principal } from './principal.ts';

/** On whose behalf a process calls another one of its deployment. */
export interface Introduction {
  /** The process that calls. */
  process: string;
  /** The module whose code makes the call; absent where a call from outside is passed on. */
  module?: string;
  principal: Principal;
}

/** The header that carries it: a statement of short life that only processes of the deployment can make. */
export const introductionHeader = 'mainstay-caller';
