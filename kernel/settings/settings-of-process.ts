import type { DescService } from '@bufbuild/protobuf';
import { z } from 'zod';
import { currentCallIfAny, runInCall } from '../guard/call.ts';
import type { Module } from '../module/define-module.ts';
import { newTraceId } from '../telemetry/trace-context.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Setting, Settings, SettingsReader } from './define-settings.ts';
import type { DeclaredSetting, SettingsCatalogue, SettingsStore, StoredSetting } from './settings-store.ts';

/** Another process sees a change within this time. */
const FRESH_MILLISECONDS = 500;
/** A command that changes settings is over, or has given up, well within this time. */
const DOUBT_MILLISECONDS = 5000;

interface Declared extends DeclaredSetting {
  zod: z.ZodType;
}

/**
 * What every setting of this process's modules is. It keeps what was set in memory and asks the store for changes only
 * when a value is read and the last answer is old, so that reading is cheap and an idle process asks nothing.
 */
export class SettingsOfProcess implements SettingsCatalogue {
  readonly #declared = new Map<string, Declared>();
  readonly #stored = new Map<string, StoredSetting>();
  readonly #log: Logger;
  #store: { module: string; store: SettingsStore } | undefined;
  #revision = 0;
  #freshUntil = 0;
  #doubtUntil = 0;
  #refreshing: Promise<void> | undefined;

  constructor(modules: readonly { module: Module; config: unknown }[], log: Logger) {
    this.#log = log;
    const services = modules.flatMap(({ module }) => (module.services ?? []).map(({ service }) => service));
    for (const { module, config } of modules) {
      for (const [key, setting] of Object.entries((module.settings ?? {}) as Settings)) this.#declared.set(`${module.name} ${key}`, declare(module.name, key, setting, config, services));
    }
  }

  useStore(module: string, store: SettingsStore): void {
    this.#store = { module, store };
  }

  declared(): readonly DeclaredSetting[] {
    return [...this.#declared.values()];
  }

  doubt(): void {
    this.#doubtUntil = performance.now() + DOUBT_MILLISECONDS;
  }

  /** The settings of one module, for its own code. */
  readerOf(module: string): SettingsReader<Settings> {
    const known = (key: string): Declared => {
      const declared = this.#declared.get(`${module} ${key}`);
      if (!declared) throw new Error(`${module} reads the setting ${key} without declaring it: add it to settings in module.ts`);
      return declared;
    };
    return {
      get: async (key) => {
        const declared = known(key);
        await this.#refresh();
        const principal = currentCallIfAny()?.principal;
        return this.#valueFor(declared, principal && principal.kind !== 'anonymous' ? principal.orgId : undefined);
      },
      getAll: async (key) => {
        const declared = known(key);
        await this.#refresh();
        const orgs = [...this.#stored.values()].filter((stored) => stored.module === module && stored.key === key && stored.orgId !== undefined && stored.value !== undefined);
        return { value: this.#valueFor(declared), byOrg: new Map(orgs.map(({ orgId }) => [orgId!, this.#valueFor(declared, orgId)])) };
      },
    };
  }

  #valueFor({ module, key, scope, zod, configured }: Declared, orgId?: string): unknown {
    for (const org of scope === 'org' && orgId ? [orgId, undefined] : [undefined]) {
      const stored = this.#stored.get(slot(module, key, org));
      if (stored?.value === undefined) continue;
      const { success, data } = zod.safeParse(stored.value);
      if (success) return data;
      this.#log.warn({ module, key, orgId: org }, 'a setting has a value that this version does not allow; it is left out');
    }
    return configured;
  }

  async #refresh(): Promise<void> {
    const now = performance.now();
    // One that began before a change was committed does not know of it.
    if (now < this.#doubtUntil) return this.#askStore();
    if (now < this.#freshUntil) return;
    await (this.#refreshing ??= this.#askStore().finally(() => (this.#refreshing = undefined)));
  }

  /** What the store of this process says, for those of other processes. */
  async changesSince(revision: number): Promise<StoredSetting[]> {
    if (!this.#store) return [];
    const { module, store } = this.#store;
    return runInCall({ principal: { kind: 'module', module }, acrossOrgs: true, traceId: newTraceId() }, () => store.changesSince(revision));
  }

  async #askStore(): Promise<void> {
    const asked = performance.now();
    const changes = await this.changesSince(this.#revision);
    for (const change of changes) {
      const at = slot(change.module, change.key, change.orgId);
      if ((this.#stored.get(at)?.revision ?? 0) < change.revision) this.#stored.set(at, change);
      this.#revision = Math.max(this.#revision, change.revision);
    }
    this.#freshUntil = asked + FRESH_MILLISECONDS;
  }
}

const slot = (module: string, key: string, orgId = ''): string => `${module} ${key} ${orgId}`;

function declare(module: string, key: string, { scope, schema, changedBy = 'orgs', configured, objection }: Setting, config: unknown, services: readonly DescService[]): Declared {
  const own = config as Record<string, unknown> | undefined;
  const { $schema: _, default: __, description: ___, ...shape } = z.toJSONSchema(schema, { io: 'input' });
  return {
    module,
    key,
    scope,
    changedBy,
    description: schema.description ?? '',
    schema: shape,
    configured: configured ? configured(config as never) : own && key in own ? own[key] : schema.parse(undefined),
    zod: schema,
    objectionTo: (value, asker) => objection?.(schema.parse(value) as never, asker, services),
    problemsOf: (value) => {
      const result = schema.safeParse(value);
      return result.success ? [] : result.error.issues.map(({ path, message }) => [path.join('.'), message.charAt(0).toLowerCase() + message.slice(1)].filter(Boolean).join(': '));
    },
  };
}
