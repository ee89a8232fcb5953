import { currentCall, type DeclaredSetting } from '@mainstay/kernel';
import { errors } from '../../errors.ts';
import { requireOrg } from '../require-org.ts';
import type { Needs } from './settings-needs.ts';

/** Whose value of a setting a call is about: an org's, or, without one, the deployment's. */
export function orgOfRequest(asked: string): string | undefined {
  const { acrossOrgs, principal } = currentCall();
  if (asked) {
    requireOrg(asked);
    return asked.toLowerCase();
  }
  return acrossOrgs || principal.kind !== 'account' ? undefined : principal.orgId;
}

/** The settings that have values there: for an org those that are per org, for the deployment all. */
export function settingsFor({ deployment }: Needs, orgId: string | undefined): DeclaredSetting[] {
  const settings = deployment.settings.declared().filter(({ scope }) => orgId === undefined || scope === 'org');
  return settings.sort((one, other) => (`${one.module} ${one.key}` < `${other.module} ${other.key}` ? -1 : 1));
}

/** The named setting. Throws `SETTING_UNKNOWN` with the names that there are, or `SETTING_NOT_PER_ORG`. */
export function findSetting(needs: Needs, module: string, key: string, orgId: string | undefined): DeclaredSetting {
  const found = needs.deployment.settings.declared().find((setting) => setting.module === module && setting.key === key);
  if (!found) throw errors.SETTING_UNKNOWN({ module, key, hint: hintFor(settingsFor(needs, orgId), module) });
  if (orgId !== undefined && found.scope !== 'org') throw errors.SETTING_NOT_PER_ORG({ module, key });
  return found;
}

function hintFor(settings: readonly DeclaredSetting[], module: string): string {
  const own = settings.filter((setting) => setting.module === module);
  if (own.length > 0) return `it has ${own.map(({ key }) => key).join(', ')}`;
  return settings.length > 0 ? `modules with settings are ${[...new Set(settings.map((setting) => setting.module))].join(', ')}` : 'no module has any';
}
