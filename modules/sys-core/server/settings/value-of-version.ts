import type { DeclaredSetting, Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';

/** What a setting was set to after a change; nothing before the first. Throws `SETTING_VERSION_UNKNOWN`. */
export async function valueOfVersion(tx: Transaction<Tables>, { module, key }: DeclaredSetting, orgId: string | undefined, version: number): Promise<{ is: unknown } | undefined> {
  if (version === 0) return undefined;
  const changes = tx.selectFrom('sys_core_setting_changes').where('module', '=', module).where('key', '=', key).where('org_id', orgId === undefined ? 'is' : '=', orgId ?? null);
  const found = await changes.select('after').where('version', '=', version).executeTakeFirst();
  if (found) return found.after ?? undefined;
  const { last } = await changes.select((eb) => eb.fn.max('version').as('last')).executeTakeFirstOrThrow();
  throw errors.SETTING_VERSION_UNKNOWN({ module, key, version, last: last ?? 0 });
}
