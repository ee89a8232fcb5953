import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { timestampDate, ValueSchema, type Value } from '@bufbuild/protobuf/wkt';
import type { Client } from '@connectrpc/connect';
import type { CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { Setting_Scope as Scope, Setting_Source as Source, SettingsService, type Setting, type SettingChange } from '../contract/index.ts';

interface Where {
  org?: string;
}
interface How extends Where {
  reason?: string;
  ifUnchanged?: string;
  dryRun?: boolean;
  force?: boolean;
}
interface HistoryOptions extends Where {
  filter: string;
  orderBy: string;
  limit: number;
}
interface Named {
  module: string;
  key: string;
}
type Change = (client: Client<typeof SettingsService>, at: Named & { orgId: string; reason: string; etag: string; validateOnly: boolean; force: boolean }) => Promise<Setting>;

const sources = { [Source.SOURCE_UNSPECIFIED]: '', [Source.CONFIGURATION]: 'configuration', [Source.SET_FOR_DEPLOYMENT]: 'set for all', [Source.SET_FOR_ORG]: 'set for the org' };

/** Adds the commands that read settings, change them, and take changes back. */
export default function settings(group: Command, cli: CommandTools): void {
  group.description('What can be changed while the deployment runs. A setting is named by its module and key, such as mod-promist.keepDeletedDays.');
  const add = (usage: string, summary: string) => group.command(usage).summary(summary).option('--org <id>', 'of this org; if absent, of the deployment, or for an administrator of an org of that org');
  const addChange = (usage: string, summary: string) => add(usage, summary).option('--reason <text>', 'why, for the history').option('--if-unchanged <etag>', 'only if it still has this etag').option('--dry-run', 'only check it, and show how the setting would be').option('--force', 'although it would lock you out');
  add('list', 'list settings and their values').option('--module <name>', 'only those of this module').action((where: Where & { module?: string }) => list(cli, where));
  add('get <setting>', 'show a setting, and what it may be').action((name: string, where: Where) => show(cli, name, where));
  addChange('set <setting> <value>', 'give a setting a value: JSON, or text').action((name: string, value: string, how: How) => change(cli, name, how, (client, at) => client.updateSetting({ ...at, value: valueOf(value) })));
  addChange('reset <setting>', 'take its value back').action((name: string, how: How) => change(cli, name, how, (client, at) => client.resetSetting(at)));
  addChange('revert', 'give it the value of an earlier version; 0 is before the first change')
    .argument('<setting>')
    .argument('<version>', 'as the history shows it', wholeNumber)
    .action((name: string, version: number, how: How) => change(cli, name, how, (client, at) => client.revertSetting({ ...at, version })));
  add('history [setting]', 'list who changed what, when, and why')
    .option('--filter <filter>', 'which changes, such as \'time > "2026-11-01" AND module = sys-core\'', '')
    .option('--order-by <fields>', 'time, for the oldest first', '')
    .option('--limit <count>', 'how many at most', wholeNumber, 50)
    .action((name: string | undefined, options: HistoryOptions) => history(cli, name, options));
}

async function list(cli: CommandTools, { org = '', module = '' }: Where & { module?: string }): Promise<void> {
  const { settings: found } = await (await cli.client(SettingsService)).listSettings({ orgId: org, module });
  if (cli.json) return cli.print(JSON.stringify({ settings: found.map(asJson) }, null, 2));
  if (found.length === 0) return cli.print('no settings');
  cli.table(found.map((setting) => ({ setting: `${setting.module}.${setting.key}`, value: jsonText(setting.value), source: sources[setting.source], version: String(setting.version), description: setting.description })));
}

async function show(cli: CommandTools, name: string, { org = '' }: Where): Promise<void> {
  const at = named(name);
  const setting = await (await cli.client(SettingsService)).getSetting({ ...at, orgId: org });
  if (cli.json) return cli.print(JSON.stringify(asJson(setting), null, 2));
  const { description, scope, schema, value, source, configuredValue, version, etag, operatorsOnly } = setting;
  const facts = { value: `${jsonText(value)} (${sources[source]})`, configured: jsonText(configuredValue), allowed: JSON.stringify(schema), 'one for': scope === Scope.ORG ? 'each org' : 'the deployment', 'set by': operatorsOnly ? 'operators' : 'administrators of the org, too', version: String(version), etag };
  cli.print(description);
  for (const [fact, text] of Object.entries(facts)) cli.print(`${fact.padEnd(10)} ${text}`);
}

async function change(cli: CommandTools, name: string, { org = '', reason = '', ifUnchanged = '', dryRun = false, force = false }: How, make: Change): Promise<void> {
  const at = named(name);
  const setting = await make(await cli.client(SettingsService), { ...at, orgId: org, reason, etag: quoted(ifUnchanged), validateOnly: dryRun, force });
  if (cli.json) return cli.print(JSON.stringify(asJson(setting), null, 2));
  cli.print(`${setting.module}.${setting.key} ${dryRun ? 'would be' : 'is'} ${jsonText(setting.value)} (${sources[setting.source]}), version ${setting.version}`);
}

/** An etag whose quotes a shell took. */
const quoted = (etag: string) => (/^[^"*]+$/.test(etag) ? `"${etag}"` : etag);

async function history(cli: CommandTools, name: string | undefined, { org = '', filter, orderBy, limit }: HistoryOptions): Promise<void> {
  const client = await cli.client(SettingsService);
  const changes: SettingChange[] = [];
  for (let pageToken = ''; ; ) {
    const page = await client.listSettingChanges({ ...(name && named(name)), orgId: org, filter, orderBy, pageSize: Math.min(limit - changes.length, 1000), pageToken });
    changes.push(...page.changes);
    pageToken = page.nextPageToken;
    if (!pageToken || changes.length >= limit) break;
  }
  const rows = changes.map(({ module, key, version, time, accountId, actorAccountId, before, after, reason }) => ({
    setting: `${module}.${key}`,
    version: String(version),
    time: timestampDate(time!).toISOString(),
    who: accountId + (actorAccountId && ` (by ${actorAccountId})`),
    before: before ? jsonText(before) : 'not set',
    after: after ? jsonText(after) : 'reset',
    reason,
  }));
  if (rows.length === 0 && !cli.json) return cli.print('no changes');
  cli.table(rows);
}

/** A setting's module and key; a module's name has no dot. */
function named(name: string): Named {
  const dot = name.indexOf('.');
  if (dot < 1 || dot === name.length - 1) throw new InvalidArgumentError(`"${name}" is not the name of a setting: write one like mod-promist.keepDeletedDays.`);
  return { module: name.slice(0, dot), key: name.slice(dot + 1) };
}

/** JSON where the text is JSON, else the text itself. */
function valueOf(text: string): Value {
  let json: JsonValue = text;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch {
    // What is not JSON is text, so that nobody has to quote it twice.
  }
  return fromJson(ValueSchema, json);
}

const jsonText = (value: Value | undefined): string => (value ? JSON.stringify(toJson(ValueSchema, value)) : '');

const asJson = ({ $typeName: _, $unknown: __, scope, source, value, configuredValue, ...setting }: Setting) => ({
  ...setting,
  scope: Scope[scope],
  source: Source[source],
  value: value && toJson(ValueSchema, value),
  configuredValue: configuredValue && toJson(ValueSchema, configuredValue),
});

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
