import type { SettingAsker } from './define-settings.ts';

/** The value that somebody gave a setting, or that they took it back. */
export interface StoredSetting {
  module: string;
  key: string;
  /** The org whose value it is; absent for the whole deployment. */
  orgId?: string;
  /** As JSON; undefined where the setting was reset. */
  value: unknown;
  /** Grows with every change of any setting; a change is visible only after all those with a smaller one. */
  revision: number;
}

/** Keeps what was set. `sys-core` implements it; the kernel asks it in the name of that module, across orgs. */
export interface SettingsStore {
  /** The settings that were changed after this revision, each as it is now; all for 0. */
  changesSince(revision: number): Promise<StoredSetting[]>;
}

/** A setting as its module declared it, for whoever changes settings. */
export interface DeclaredSetting {
  module: string;
  key: string;
  scope: 'deployment' | 'org';
  /** Whether an org's administrators may change its value, or operators alone. */
  changedBy: 'orgs' | 'operators';
  description: string;
  /** What it may be, as JSON Schema (draft 2020-12). */
  schema: object;
  /** What it is unless somebody sets it: from the module's configuration, else its default. */
  configured: unknown;
  /** What is wrong with a value, a line each; nothing if it may be set. */
  problemsOf(value: unknown): string[];
  /** Why whoever asks should not want a value, though it may be set. */
  objectionTo(value: unknown, asker: SettingAsker): string | undefined;
}

/** The settings of all modules, for the module that keeps them. */
export interface SettingsCatalogue {
  declared(): readonly DeclaredSetting[];
  /** To be called by a command that changes settings: this process does not rely on what it knows until the command must be over. */
  doubt(): void;
}
