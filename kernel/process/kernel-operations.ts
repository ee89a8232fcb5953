import type { AuditEntry } from '../audit/audit-log.ts';
import type { Starting } from './start-module.ts';

type Operation = (...given: never[]) => Promise<unknown>;

/** What the kernels of other processes ask of this one, by name; arguments and results are what the structured clone algorithm copies. */
export function kernelOperations(starting: Starting): Record<string, Operation> {
  return {
    ...starting.operationsForOthers,
    'audit.append': (entries: AuditEntry[]) => keeper(starting).append(entries),
    'settings.changesSince': (revision: number) => starting.settings.changesSince(revision),
  };
}

function keeper({ audit }: Starting) {
  if (!audit) throw new Error('this process keeps no audit');
  return audit;
}
