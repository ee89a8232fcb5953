import type { CallSettings } from '../resilience/calls-config.ts';
import type { PeerStanding } from '../resilience/peer-standing.ts';

/** One process of the deployment, as this one knows it. */
export interface ProcessView {
  /** Its name in the placement, such as `mod-promist-2`. */
  name: string;
  /** The line of the placement file that it comes from. */
  process: string;
  modules: readonly string[];
  /** Which part of the orgs it serves, if it is a shard; the index counts from 0. */
  shard?: { index: number; count: number };
  /** The slots that it owns, as it said last. */
  slots?: readonly number[];
  /** Which of several it is; the index counts from 0. */
  replica?: { index: number; count: number };
  /** `here` is this process itself; `starting` answers and takes no calls from outside yet. */
  state: 'here' | 'ready' | 'starting' | 'away';
  /** What a small call to it cost lately, there and back, in microseconds: the median. */
  costMicroseconds?: number;
  /** Its resident memory, as it said last. */
  residentBytes?: number;
}

/** The processes of a deployment, for modules that tell operators about them. */
export interface NetworkView {
  /** The name of this process in the placement. */
  readonly process: string;
  /** All processes, this one included. */
  processes(): ProcessView[];
  /** How calls to other processes fare; none where there is but one process. */
  calls(): readonly PeerStanding[];
  /** How such calls are made. */
  callSettings(): Readonly<CallSettings>;
  /** Changes that, from the next call of this process on. */
  configureCalls(settings: Readonly<CallSettings>): void;
}
