import { fromJson, toJson, type JsonObject, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate, ValueSchema, type Value } from '@bufbuild/protobuf/wkt';
import { etagOf, type DeclaredSetting } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Setting_Scope as Scope, Setting_Source as Source, type SettingChangeSchema, type SettingSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';

export type SettingRow = Selectable<Tables['sys_core_settings']>;

/** What is kept of a setting: for the org in question, and for the deployment. */
export interface Kept {
  org?: SettingRow;
  deployment?: SettingRow;
}

/** A setting as its readers get it; `orgId` is absent for the deployment's. */
export function settingMessage(setting: DeclaredSetting, { org, deployment }: Kept, orgId: string | undefined): MessageInitShape<typeof SettingSchema> {
  const { module, key, description, scope, changedBy, schema, configured } = setting;
  const allowed = (row: SettingRow | undefined) => (row?.value && setting.problemsOf(row.value.is).length === 0 ? row.value : undefined);
  const [own, common] = [orgId === undefined ? undefined : allowed(org), allowed(deployment)];
  const version = (orgId === undefined ? deployment : org)?.version ?? 0;
  return {
    module,
    key,
    orgId: orgId ?? '',
    description,
    scope: scope === 'org' ? Scope.ORG : Scope.DEPLOYMENT,
    schema: schema as JsonObject,
    value: toValue((own ?? common ?? { is: configured }).is),
    source: own ? Source.SET_FOR_ORG : common ? Source.SET_FOR_DEPLOYMENT : Source.CONFIGURATION,
    configuredValue: toValue(configured),
    version,
    // What is shown beside the own value has other versions.
    etag: etagOf(version, [own, common, configured]),
    operatorsOnly: scope === 'deployment' || changedBy === 'operators',
  };
}

export const changeMessage = (row: Selectable<Tables['sys_core_setting_changes']>): MessageInitShape<typeof SettingChangeSchema> => ({
  module: row.module,
  key: row.key,
  orgId: row.org_id ?? '',
  version: row.version,
  ...(row.before && { before: toValue(row.before.is) }),
  ...(row.after && { after: toValue(row.after.is) }),
  reason: row.reason,
  accountId: row.account_id ?? '',
  actorAccountId: row.actor_account_id ?? '',
  time: timestampFromDate(row.time),
});

const toValue = (json: unknown): Value => fromJson(ValueSchema, json as JsonValue);

/** A value from a request as JSON; undefined for one that JSON does not have, such as NaN, or that is too deep. */
export function jsonOf(value: Value): { is: JsonValue } | undefined {
  try {
    return { is: toJson(ValueSchema, value) };
  } catch {
    return undefined;
  }
}
