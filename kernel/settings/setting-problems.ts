import type { z } from 'zod';
import type { Module } from '../module/define-module.ts';
import { isSecret } from '../module/secret.ts';
import type { Setting, Settings } from './define-settings.ts';

/** Everything that is wrong with how modules declare their settings, told by name. */
export function settingProblems(modules: readonly Module[]): string[] {
  const stores = modules.filter((module) => module.settingsStore);
  const twice = stores.length > 1 ? [`${stores.map(({ name }) => name).join(' and ')} both keep the settings; enable one of them`] : [];
  return [...twice, ...modules.flatMap((module) => Object.entries((module.settings ?? {}) as Settings).flatMap(([key, setting]) => problemsOf(module, key, setting)))];
}

function problemsOf(module: Module, key: string, { schema, configured: chosen }: Setting): string[] {
  const name = `the setting ${key} of ${module.name}`;
  const config = (module.config as z.ZodObject).shape as Record<string, z.ZodType> | undefined;
  const configured = config !== undefined && Object.hasOwn(config, key);
  return [
    ...(/^[a-z][A-Za-z0-9]{0,62}$/.test(key) ? [] : [`${name} needs a name of letters and digits that begins with a small letter`]),
    ...(isSecret(schema) || (configured && isSecret(config[key]!)) ? [`${name} is a secret; secrets come from the environment and can't be settings`] : []),
    ...(schema.description ? [] : [`${name} has no description; add .describe(…)`]),
    ...(configured || chosen || schema.safeParse(undefined).success ? [] : [`${name} has no value until somebody sets it; add .default(…), or a value of the same name to config.ts`]),
  ];
}
