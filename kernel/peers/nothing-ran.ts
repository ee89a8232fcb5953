import { kernelErrors } from '../errors/kernel-errors.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { didNotRun } from '../remote/not-run.ts';

const isWrongShard = (error: unknown): boolean => reasonOf(error) === 'kernel.WRONG_SHARD';

/** Whether a call surely had no effect where it was sent, so that it may be sent again, or elsewhere, whatever it is. */
export const mayBeTriedElsewhere = (error: unknown): boolean => didNotRun(error) || isWrongShard(error);

/** What the caller hears when trying has had an end: that an org has moved is between the processes, and whoever called may have done other things before. */
export const givenUp = (error: unknown, module: string): unknown => (isWrongShard(error) ? kernelErrors.PEER_UNREACHABLE({ module }) : error);
