import type { AuditEntry } from '../audit/audit-log.ts';
import type { Starting } from './start-module.ts';

type Operation = (...given: never[]) => Promise<unknown>;

/** What the kernels of other processes ask of this one, by name; arguments and results are what the structured clone algorithm copies. */
export function kernelOperations(starting: Starting): Record<string, Operation> {
  return {
    ...starting.operationsForOthers,
    'audit.append': (entries: AuditEntry[]) => keeper(starting).append(entries),
    'webhooks.wanted': () => wantedHere(starting),
    'settings.changesSince': (revision: number) => starting.settings.changesSince(revision),
  };
}

/** The events that other systems want, where they are told of them. */
export async function wantedHere({ parts }: Starting): Promise<readonly string[]> {
  const outbound = parts.find((part) => part.outbound)?.outbound;
  if (!outbound) throw new Error('this process tells no other systems of events');
  return outbound.wanted();
}

function keeper({ audit }: Starting) {
  if (!audit) throw new Error('this process keeps no audit');
  return audit;
}
