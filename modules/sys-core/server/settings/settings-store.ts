import type { SettingsStore } from '@mainstay/kernel';
import type { Needs } from './settings-needs.ts';

/** Tells the kernel what settings were set to. */
export function createSettingsStore({ db }: Needs): SettingsStore {
  return {
    async changesSince(revision) {
      const rows = await db.read((q) => q.selectFrom('sys_core_settings').selectAll().where('revision', '>', revision).execute());
      return rows.map(({ org_id, value, ...row }) => ({ ...row, orgId: org_id ?? undefined, value: value?.is }));
    },
  };
}
