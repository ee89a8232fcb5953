import { z } from 'zod';

/** More are not possible: each shard has one of the 256 slots at least. */
const mostShards = 256;

/** With the deployment's name in front and a shard's number behind, the name of a database must fit into 63 bytes. */
const longestDatabase = 26;

const name = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must start with a letter and hold at most 31 lower-case letters, digits and hyphens');
const pattern = z.string().regex(/^([a-z][a-z0-9-]*)?\*?$/, 'must be the name of a module, or the beginning of names with a * behind it').min(1, 'must not be empty');
const database = z.union([z.literal('*'), name.max(longestDatabase, `must hold at most ${longestDatabase} characters`)], { error: `must be *, or start with a letter and hold at most ${longestDatabase} lower-case letters, digits and hyphens` });

const line = z.strictObject({
  modules: z.array(pattern).min(1, 'must name a module').optional().describe('The modules that run in it: names, or beginnings of names with a * behind. The most exact one counts.'),
  database: database.optional().describe('Its own database; the deployment\'s own if absent. "*" is one named as the process. A shard has one each, its number behind the name.'),
  shards: z.int().min(1).max(mostShards).optional().describe('Into how many parts the orgs are divided, each in a process and a database of its own. For modules with shardBy alone.'),
  replicas: z.int().min(1).max(64).optional().describe('How many processes run the same modules over one database.'),
});

const noProcess = 'must say what runs where, a line a process; a line "*" gives each module its own';

const key = z.union([z.literal('*'), name]);

/** The shape of a placement file. */
export const placementFile = z.strictObject({
  processes: z.record(key, line.nullable(), { error: ({ code }) => (code === 'invalid_key' ? 'the name of a process must be "*", or start with a letter and hold at most 31 lower-case letters, digits and hyphens' : code === 'invalid_type' ? noProcess : undefined) })
    .refine((lines) => Object.keys(lines).length > 0, noProcess)
    .describe('What runs where: one line a process. "*" is a process of its own for each module that no other line takes.'),
});

/** A line of a placement file: a process, before it is divided into shards and replicas. */
export type PlacementLine = z.infer<typeof line>;

/** The JSON Schema of placement files (draft 2020-12), for editors to complete and check them. */
export const placementJsonSchema = () => ({ title: 'Mainstay placement', ...z.toJSONSchema(placementFile, { io: 'input' }) });

/** The longest name of a database in a placement file, in characters. */
export const longestDatabaseName = longestDatabase;
