import { z } from 'zod';
import { filesSection, readFilesSettings, type FilesSettings } from '../files/files-config.ts';
import { callsSection, type CallsOptions } from '../resilience/calls-config.ts';
import { readPeerTls } from '../remote/peer-tls.ts';
import { operatorsSection, telemetrySection, type OperatorsSettings, type TelemetrySettings } from '../telemetry/telemetry-config.ts';
import type { Module, Phase } from './define-module.ts';
import { httpSection } from './http-section.ts';
import { readYaml } from './read-yaml.ts';
import { environmentName, isSecret } from './secret.ts';
import { StartError } from './start-error.ts';

/** A deployment as its file describes it: what is enabled, and every module's checked configuration. */
export interface Deployment {
  name: string;
  phase: Phase;
  http: { host: string; port: number; publicAddress?: string; bodyLimitBytes: number; connections?: { all: number; perAddress: number } };
  /** Where the contents of files lie; on disk if absent. */
  files?: FilesSettings;
  /** The address for operators alone; there is none if absent. */
  operators?: OperatorsSettings;
  telemetry?: TelemetrySettings;
  /** How long what was announced is kept; 30 days if absent. */
  events?: { keepDays: number };
  /** How calls to other processes of the deployment are made. */
  calls?: CallsOptions;
  /** Enabled modules, each with its configuration; in the order of `main/modules.ts`. */
  modules: { module: Module; config: unknown; optional: boolean }[];
}

const mebibyte = 1024 * 1024;

const eventsSection = z.strictObject({
  keepDays: z.int().min(1).max(3650).default(30).describe('How many days what was announced, and that it was handled, is kept: events can be replayed that long.'),
});

/** The schema of a deployment file for these modules: one section a module, and nothing unknown. */
function deploymentSchema(modules: readonly Module[]) {
  const sections = Object.fromEntries(modules.map((module) => [module.name, section(module).nullish()]));
  return z.strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must start with a letter and hold at most 31 lower-case letters, digits and hyphens').describe('Names the state folder and the database.'),
    phase: z.enum(['D', 'T', 'A', 'P']).describe('Development, test, acceptance or production. Demo data exists only in D and T.'),
    http: httpSection.prefault({}),
    operators: operatorsSection.prefault({}).describe('The address of /metrics, /livez and /readyz: for operators and their tools, never for users.'),
    telemetry: telemetrySection.prefault({}).describe('What is told of the requests, and to whom.'),
    files: filesSection.prefault({}).describe('Where the contents of files lie; in the data folder on this machine if nothing is said.'),
    events: eventsSection.prefault({}).describe('What is kept of events.'),
    calls: callsSection.prefault({}).describe('How the processes of the deployment call each other, where there are several.'),
    modules: z.strictObject(sections, { error: ({ code }) => (code === 'unrecognized_keys' ? 'this build has no such module, so take the key away, or add the module to main/modules.ts' : undefined) }).nullish().describe('The modules that run. One that is not named here does not load.'),
  });
}

function section(module: Module): z.ZodObject {
  const optional = z.boolean().default(false).describe('Start the others even if this module cannot start.');
  const open = Object.fromEntries(Object.entries(shapeOf(module)).filter(([, schema]) => !isSecret(schema)));
  return z.strictObject({ ...open, optional });
}

const shapeOf = (module: Module) => (module.config as z.ZodObject).shape as Record<string, z.ZodType>;

/** The JSON Schema of deployment files (draft 2020-12), for editors to complete and check them. */
export const deploymentJsonSchema = (modules: readonly Module[]) => ({
  title: 'Mainstay deployment',
  ...z.toJSONSchema(deploymentSchema(modules), { io: 'input' }),
});

/**
 * Reads and checks a deployment file; secrets come from `environment`.
 * Throws a `StartError` that names file, line and key of everything that is wrong.
 */
export function readDeployment(file: string, modules: readonly Module[], environment: NodeJS.ProcessEnv = process.env): Deployment {
  const { name, phase, http, files, operators, telemetry, events, calls, modules: sections } = readYaml(file, deploymentSchema(modules));
  const enabled = modules.filter((module) => sections && module.name in sections);
  if (enabled.length === 0) {
    throw new StartError([`${file}: no module is named under "modules", so there is nothing to run; name at least one of ${modules.map((module) => module.name).join(', ')}`]);
  }
  const { bodyLimitMiB, mostConnections, mostConnectionsPerAddress, ...listen } = http;
  return {
    name,
    phase,
    http: { ...listen, bodyLimitBytes: bodyLimitMiB * mebibyte, connections: { all: mostConnections, perAddress: mostConnectionsPerAddress } },
    ...(operators !== 'off' && { operators }),
    telemetry,
    events,
    calls: callsOf(file, calls),
    files: readFilesSettings(file, files, environment),
    modules: enabled.map((module) => configure(file, module, sections![module.name] as Record<string, unknown> | null, environment)),
  };
}

function callsOf(file: string, { tls, ...settings }: z.infer<typeof callsSection>): CallsOptions {
  return { ...settings, ...(tls && { tls: readPeerTls(file, tls) }) };
}

function configure(file: string, module: Module, values: Record<string, unknown> | null, environment: NodeJS.ProcessEnv) {
  const { optional = false, ...open } = values ?? {};
  const names = Object.entries(shapeOf(module)).filter(([, schema]) => isSecret(schema)).map(([key]) => [key, environmentName(module.name, key)] as const);
  const secrets = Object.fromEntries(names.map(([key, variable]) => [key, environment[variable]]));
  const result = module.config.safeParse({ ...open, ...secrets }, { jitless: true });
  if (result.success) return { module, config: result.data as unknown, optional: optional === true };
  const variables = new Map<PropertyKey, string>(names);
  throw new StartError(
    result.error.issues.map(({ path, message }: z.core.$ZodIssue) =>
      variables.has(path[0]!) ? `${file}: ${module.name} needs the environment variable ${variables.get(path[0]!)}` : `${file}: ${module.name}.${path.join('.')}: ${message}`,
    ),
  );
}
