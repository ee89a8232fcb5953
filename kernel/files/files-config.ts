import { z } from 'zod';
import { environmentName } from '../module/secret.ts';
import { StartError } from '../module/start-error.ts';

/** Where the contents of files lie, as the deployment file says it. */
export const filesSection = z.strictObject({
  s3: z
    .strictObject({
      endpoint: z.url({ protocol: /^https?$/ }).describe('The address of the server, without the bucket.'),
      bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket').describe('The bucket; it must be there.'),
      region: z.string().min(1).max(64).default('us-east-1').describe('The region that requests are signed for.'),
      prefix: z.string().regex(/^[a-zA-Z0-9_-]+(\/[a-zA-Z0-9_-]+)*$/, 'must be words with slashes between').max(200).optional().describe('A folder in the bucket that belongs to this deployment alone.'),
    })
    .optional()
    .describe('A server that speaks the S3 protocol; its keys come from the environment, FILES_S3_ACCESS_KEY_ID and FILES_S3_SECRET_ACCESS_KEY.'),
});

export interface S3Settings {
  endpoint: string;
  bucket: string;
  region: string;
  prefix?: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Where the contents of files lie: on disk, unless S3 is set. */
export interface FilesSettings {
  s3?: S3Settings;
}

/** Adds the secrets to what the deployment file says. Throws a `StartError` that names the variables that are missing. */
export function readFilesSettings(file: string, { s3 }: z.infer<typeof filesSection>, environment: NodeJS.ProcessEnv): FilesSettings {
  if (!s3) return {};
  const [keyName, secretName] = [environmentName('files', 's3AccessKeyId'), environmentName('files', 's3SecretAccessKey')];
  const missing = [keyName, secretName].filter((name) => !environment[name]);
  if (missing.length > 0) throw new StartError(missing.map((name) => `${file}: files.s3 needs the environment variable ${name}`));
  const { prefix, ...required } = s3;
  return { s3: { ...required, ...(prefix !== undefined && { prefix }), accessKeyId: environment[keyName]!, secretAccessKey: environment[secretName]! } };
}
