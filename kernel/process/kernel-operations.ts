import type { AuditEntry } from '../audit/audit-log.ts';
import type { Starting } from './start-module.ts';

type Operation = (...given: never[]) => Promise<unknown>;

/** What the kernels of other processes ask of this one, by name; arguments and results are what the structured clone algorithm copies. */
export function kernelOperations(starting: Starting): Record<string, Operation> {
  const { operations, settings } = starting;
  return {
    'audit.append': (entries: AuditEntry[]) => keeper(starting).append(entries),
    'settings.changesSince': (revision: number) => settings.changesSince(revision),
    'queue.of': (module: string) => operations.queueOf(module),
    'migrations.of': (module: string) => operations.migrationsOf(module),
  };
}

function keeper({ audit }: Starting) {
  if (!audit) throw new Error('this process keeps no audit');
  return audit;
}
