import { z } from 'zod';

/**
 * A configuration value that never stands in a file: it is read from the environment variable
 * `<MODULE>_<KEY>`, such as `SYS_EMAIL_SMTP_PASSWORD` for `smtpPassword` of `sys-email`.
 */
export const secret = () => z.string().min(1).meta({ secret: true });

export const isSecret = (schema: z.ZodType): boolean => unwrapped(schema).meta()?.secret === true;

/** The environment variable that holds a module's secret. */
export const environmentName = (module: string, key: string): string =>
  `${module}_${key}`.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll('-', '_').toUpperCase();

function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

/** The values of the secrets in a module's configuration. */
export function hiddenValues(schema: z.ZodType, config: unknown): string[] {
  const shape = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {};
  return Object.entries(shape).filter(([, field]) => isSecret(field)).map(([key]) => (config as Record<string, unknown>)[key]).filter((value) => typeof value === 'string');
}
