import type { DescService } from '@bufbuild/protobuf';
import type { z } from 'zod';

/** A value that can be changed while the deployment runs. */
export interface Setting<S extends z.ZodType = z.ZodType> {
  /** `deployment`: one value for all. `org`: each org may have its own, in place of the deployment's. */
  scope: 'deployment' | 'org';
  /** What it may be, with its description. Its default counts unless the module's configuration has a value of the same name. */
  schema: S;
  /** Who changes an org's value: the org's administrators too, or operators alone. */
  changedBy?: 'orgs' | 'operators';
  /** Where the module's configuration has the value, if not under the same name. */
  configured?: (config: never) => z.output<S>;
  /** Why whoever asks should not want this value, though it is allowed: it would lock them out, say. They may insist. `services`: those of all enabled modules. */
  objection?: (value: z.output<S>, asker: SettingAsker, services: readonly DescService[]) => string | undefined;
}

/** Who wants to change a setting. */
export interface SettingAsker {
  /** The network address that they come from, if they come from outside. */
  address?: string | undefined;
}

export type Settings = Record<string, Setting>;

/** Declares a setting with one value for the whole deployment. */
export const deploymentWide = <S extends z.ZodType>(schema: S, options: Pick<Setting<S>, 'configured' | 'objection'> = {}): Setting<S> => ({ scope: 'deployment', schema, ...options });

/** Declares a setting of which each org may have its own value. */
export const perOrg = <S extends z.ZodType>(schema: S, options: Pick<Setting<S>, 'changedBy' | 'configured'> = {}): Setting<S> => ({ scope: 'org', schema, ...options });

type ValueOf<D extends Settings, K extends keyof D> = z.output<D[K]['schema']>;

/** Reads a module's own settings. A change is seen at once in its process, and within a second in every other. */
export interface SettingsReader<D extends Settings> {
  /** The value that counts for the org of the current call: the org's own, else the deployment's, else the configured one. */
  get<K extends keyof D & string>(key: K): Promise<ValueOf<D, K>>;
  /** For work over all orgs: the value of the deployment, and those of the orgs that have their own. */
  getAll<K extends keyof D & string>(key: K): Promise<{ value: ValueOf<D, K>; byOrg: ReadonlyMap<string, ValueOf<D, K>> }>;
}
