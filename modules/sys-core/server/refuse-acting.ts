import { getOption, hasOption } from '@bufbuild/protobuf';
import type { AccessRequest, Decision } from '@mainstay/kernel';
import { kind, Kind, step_up as stepUp } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { ActingService, StandingService } from '@mainstay/sys-accounts/contract';

/**
 * Refuses who acts on behalf of somebody (R-018) what makes the account the person's own: password, factors, address, keys, roles and
 * sessions, all of them commands of the accounts' package, and whatever else a contract finds dangerous enough to demand a proof.
 * To end it is their only command there.
 */
export function refuseActing({ principal, method }: AccessRequest): Decision | undefined {
  if (principal.kind !== 'account' || principal.actorAccountId === undefined) return undefined;
  return isPersonal(method) ? { allowed: false, because: 'nobody does this on behalf of another; the person does it themselves' } : undefined;
}

const known = new WeakMap<AccessRequest['method'], boolean>();

function isPersonal(method: AccessRequest['method']): boolean {
  // Reading an option decodes it anew each time.
  let personal = known.get(method);
  if (personal === undefined) known.set(method, (personal = isCommandOfAccount(method)));
  return personal;
}

function isCommandOfAccount(method: AccessRequest['method']): boolean {
  const { typeName, file } = method.parent;
  if (hasOption(method, stepUp) && getOption(method, stepUp).required) return true;
  return file.proto.package === StandingService.file.proto.package && typeName !== ActingService.typeName && getOption(method, kind) === Kind.COMMAND;
}
