import { getOption, hasOption } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { currentTime, type AccessRequest, type AccessRule, type Decision, type Principal } from '@mainstay/kernel';
import { step_up as stepUp } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { assurance, StandingService } from '@mainstay/sys-accounts/contract';
import { errors } from '../errors.ts';

type Account = Extract<Principal, { kind: 'account' }>;

interface Facts {
  stepUpMinutes: number;
  rules: readonly AccessRule[];
}

/**
 * Makes the function that refuses those who have the right to a call and did not prove surely enough who they are: a member without
 * the second factor that the org demands, and, where the contract demands it (`mainstay.step_up`), whoever signed in long ago
 * or without the second factor that they have. What came through another module was let in before.
 */
export function createDemandProof({ stepUpMinutes, rules }: Facts): (request: AccessRequest) => Decision | undefined {
  const ofEverybody = new Set<string>(rules.filter(({ role }) => role === 'GUEST').flatMap(({ may }) => may));
  return (request) => {
    const { principal, callerModule, method } = request;
    if (principal.kind !== 'account' || callerModule !== undefined) return undefined;
    if (principal.barredOrgIds?.includes(principal.orgId) && !isOneself(request, ofEverybody)) return refused(errors.SECOND_FACTOR_REQUIRED({ orgId: principal.orgId }));
    return isDangerous(method) && !isProven(principal, stepUpMinutes) ? refused(insufficient(principal, stepUpMinutes * 60)) : undefined;
  };
}

/** What people do about their own account, wherever they act: to add a second factor, among others. */
function isOneself({ access: { rule }, method }: AccessRequest, ofEverybody: ReadonlySet<string>): boolean {
  if (rule.case === 'public') return true;
  if (method.parent.file.proto.package !== StandingService.file.proto.package) return false;
  return rule.case === 'signedIn' || (rule.case === 'permission' && ofEverybody.has(rule.value));
}

function isProven({ authentication }: Account, stepUpMinutes: number): boolean {
  if (!authentication) return true;
  const { acr, time, hasSecondFactor } = authentication;
  return time + stepUpMinutes * 60 >= currentTime().getTime() / 1000 && (!hasSecondFactor || acr === assurance.twoFactors);
}

/** What RFC 9470 §3 answers, so that clients of OAuth understand it too. */
function insufficient({ authentication }: Account, maxAge: number): ConnectError {
  const acrValues = authentication!.hasSecondFactor ? assurance.twoFactors : assurance.oneFactor;
  const error = errors.STEP_UP_REQUIRED({ acrValues, maxAge });
  error.metadata.set('www-authenticate', `Bearer error="insufficient_user_authentication", error_description="prove again who you are", acr_values="${acrValues}", max_age="${maxAge}"`);
  return error;
}

const refused = (error: ConnectError): Decision => ({ allowed: false, because: error.rawMessage, error });

const dangers = new WeakMap<AccessRequest['method'], boolean>();

function isDangerous(method: AccessRequest['method']): boolean {
  // Reading an option decodes it anew each time.
  const known = dangers.get(method) ?? (hasOption(method, stepUp) && getOption(method, stepUp).required);
  dangers.set(method, known);
  return known;
}
