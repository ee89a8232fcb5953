import type { ServiceImpl } from '@connectrpc/connect';
import { readList } from '@mainstay/kernel';
import type { SettingsService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { changeSetting, readKept, requireAllowed } from './change-setting.ts';
import { findSetting, orgOfRequest, settingsFor } from './find-setting.ts';
import { changeMessage, jsonOf, settingMessage } from './setting-message.ts';
import type { Needs } from './settings-needs.ts';
import { valueOfVersion } from './value-of-version.ts';

/** Settings of modules: what they are, what they were, and changing them. */
export function settingsService(needs: Needs): ServiceImpl<typeof SettingsService> {
  const { db, deployment } = needs;
  return {
    async listSettings({ orgId: asked, module }) {
      const orgId = orgOfRequest(asked);
      const settings = settingsFor(needs, orgId).filter((setting) => !module || setting.module === module);
      const rows = await db.read((q) =>
        q.selectFrom('sys_core_settings').selectAll().where((eb) => eb.or([eb('org_id', 'is', null), ...(orgId ? [eb('org_id', '=', orgId)] : [])])).execute());
      const rowOf = (setting: { module: string; key: string }, own: boolean) => rows.find((row) => row.module === setting.module && row.key === setting.key && (row.org_id !== null) === own);
      return { settings: settings.map((setting) => settingMessage(setting, { org: rowOf(setting, true), deployment: rowOf(setting, false) }, orgId)) };
    },

    async getSetting({ module, key, orgId: asked }) {
      const orgId = orgOfRequest(asked);
      const setting = findSetting(needs, module, key, orgId);
      return settingMessage(setting, await db.read((q) => readKept(q, setting, orgId)), orgId);
    },

    async updateSetting({ module, key, orgId: asked, value, etag, reason, validateOnly, force }) {
      const orgId = orgOfRequest(asked);
      const setting = findSetting(needs, module, key, orgId);
      const to = jsonOf(value!);
      if (!to) requireAllowed({ ...setting, problemsOf: () => ['it is not JSON'] }, undefined);
      return settingMessage(setting, await changeSetting(needs, { setting, orgId, etag, reason, to, validateOnly, force }), orgId);
    },

    async resetSetting({ module, key, orgId: asked, etag, reason, validateOnly, force }) {
      const orgId = orgOfRequest(asked);
      const setting = findSetting(needs, module, key, orgId);
      return settingMessage(setting, await changeSetting(needs, { setting, orgId, etag, reason, to: undefined, validateOnly, force }), orgId);
    },

    async revertSetting({ module, key, orgId: asked, version, etag, reason, validateOnly, force }) {
      const orgId = orgOfRequest(asked);
      const setting = findSetting(needs, module, key, orgId);
      const kept = await changeSetting(needs, async (tx) => ({ setting, orgId, etag, reason: reason || `back to version ${version}`, to: await valueOfVersion(tx, setting, orgId, version), validateOnly, force }));
      return settingMessage(setting, kept, orgId);
    },

    async listSettingChanges(request) {
      const { orgId: asked, module, key } = request;
      const orgId = orgOfRequest(asked);
      if (key && !module) throw errors.SETTING_UNKNOWN({ module: 'no module', key, hint: 'name its module too' });
      const { rows, nextPageToken, totalSize } = await db.read((q) => {
        let query = q.selectFrom('sys_core_setting_changes').selectAll().where('org_id', orgId === undefined ? 'is' : '=', orgId ?? null);
        if (module) query = query.where('module', '=', module);
        if (key) query = query.where('key', '=', key);
        return readList(q, query, request, { secret: deployment.secret, fields: listFields.settingChanges, defaultOrder: 'time desc' });
      });
      return { changes: rows.map(changeMessage), nextPageToken, totalSize };
    },
  };
}
