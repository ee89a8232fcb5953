import { currentCall } from '../guard/call.ts';

/** Says what the command that is handled is about, for the audit: ids by field, where neither its request nor its answer names them, as in protocols that others have laid down. */
export function tellAudit(subjects: Readonly<Record<string, string>>): void {
  const call = currentCall();
  call.subjects = { ...call.subjects, ...subjects };
}
