import { currentCall, requireMatch, type DeclaredSetting, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Kept, SettingRow } from './setting-message.ts';
import type { Needs } from './settings-needs.ts';

export interface Change {
  setting: DeclaredSetting;
  /** Absent for the whole deployment. */
  orgId: string | undefined;
  /** As the caller last saw the setting; empty: whatever it is. */
  etag: string;
  reason: string;
  /** Only checks, and tells how it would be. */
  validateOnly: boolean;
  /** Whatever there is to be said against it. */
  force: boolean;
  /** The new value, or nothing for a reset. */
  to: { is: unknown } | undefined;
}

const LOCK = 0x73657474;

/** Changes a setting and writes that into its history; nothing happens where it is so already. Throws `SETTING_CHANGED_MEANWHILE`, `SETTING_FOR_OPERATORS` where the caller is none, and `SETTING_UNWISE`. */
export function changeSetting({ db, deployment }: Needs, change: Change | ((tx: Transaction<Tables>) => Promise<Change>)): Promise<Kept> {
  return db.write(async (tx) => {
    // What waits for the lock must not read before it has it, so that changes are seen in the order of their revisions.
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
    const { setting, orgId, etag, reason, to, validateOnly, force } = typeof change === 'function' ? await change(tx) : change;
    const { module, key } = setting;
    if (setting.changedBy === 'operators' && !currentCall().acrossOrgs) throw errors.SETTING_FOR_OPERATORS({ module, key });
    const kept = await readKept(tx, setting, orgId);
    const before = orgId === undefined ? kept.deployment : kept.org;
    requireMatch(before?.version ?? 0, etag, errors.SETTING_CHANGED_MEANWHILE({ module, key }));
    if (to) requireAllowed(setting, to.is);
    if (JSON.stringify(before?.value ?? null) === JSON.stringify(to ?? null)) return kept;
    if (!force) requireWise(setting, to ? to.is : setting.configured);
    if (!validateOnly) deployment.settings.doubt();
    const after = validateOnly ? imagined(setting, orgId, before, to) : await write(tx, setting, orgId, before, to, reason);
    return orgId === undefined ? { ...kept, deployment: after } : { ...kept, org: after };
  });
}

export async function readKept(q: Pick<Transaction<Tables>, 'selectFrom'>, { module, key }: DeclaredSetting, orgId: string | undefined): Promise<Kept> {
  const rows = await q.selectFrom('sys_core_settings').selectAll().where('module', '=', module).where('key', '=', key).where((eb) => eb.or([eb('org_id', 'is', null), ...(orgId ? [eb('org_id', '=', orgId)] : [])])).execute();
  return { org: rows.find(({ org_id }) => org_id !== null), deployment: rows.find(({ org_id }) => org_id === null) };
}

/** Throws `SETTING_NOT_ALLOWED` with what is wrong and what is allowed. */
export function requireAllowed({ module, key, schema, problemsOf }: DeclaredSetting, value: unknown): void {
  const problems = problemsOf(value);
  if (problems.length === 0) return;
  const given = JSON.stringify(value) ?? 'nothing';
  throw errors.SETTING_NOT_ALLOWED({ module, key, value: given.length > 100 ? `${given.slice(0, 100)}…` : given, because: problems.slice(0, 5).join(', '), allowed: JSON.stringify(schema) });
}

/** Throws `SETTING_UNWISE` with what there is to be said against a value. */
function requireWise(setting: DeclaredSetting, value: unknown): void {
  const because = setting.objectionTo(value, { address: currentCall().clientAddress });
  if (because) throw errors.SETTING_UNWISE({ module: setting.module, key: setting.key, because });
}

/** What a change would keep. */
const imagined = ({ module, key }: DeclaredSetting, orgId: string | undefined, before: SettingRow | undefined, to: Change['to']): SettingRow => ({ module, key, org_id: orgId ?? null, value: to ?? null, version: (before?.version ?? 0) + 1, revision: before?.revision ?? 0 });

async function write(tx: Transaction<Tables>, { module, key }: DeclaredSetting, orgId: string | undefined, before: SettingRow | undefined, to: Change['to'], reason: string): Promise<SettingRow> {
  const { principal } = currentCall();
  const account = principal.kind === 'account' ? principal : undefined;
  const { rows: [next] } = await sql<{ revision: number }>`select nextval('sys_core_settings_revision') as revision`.execute(tx);
  const row = { module, key, org_id: orgId ?? null, value: to ?? null, version: (before?.version ?? 0) + 1, revision: next!.revision };
  const values = { ...row, value: asJson(to) };
  const { version, revision, value } = values;
  if (before) await tx.updateTable('sys_core_settings').set({ value, version, revision }).where('module', '=', module).where('key', '=', key).where('org_id', orgId === undefined ? 'is' : '=', orgId ?? null).execute();
  else await tx.insertInto('sys_core_settings').values(values).execute();
  const { value: _, ...place } = row;
  await tx.insertInto('sys_core_setting_changes')
    .values({ ...place, before: asJson(before?.value ?? undefined), after: asJson(to), reason, account_id: account?.accountId ?? null, actor_account_id: account?.actorAccountId ?? null })
    .execute();
  return row;
}

/** A JSON column takes text; a value that is itself text would else be read as JSON. */
const asJson = (value: { is: unknown } | undefined) => (value ? sql<{ is: unknown }>`${JSON.stringify({ is: value.is })}::jsonb` : null);
