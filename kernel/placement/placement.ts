/** One running process of a deployment: a line of its placement file, or one of its shards or replicas. */
export interface Instance {
  /** Unique: `mod-promist`; `mod-promist-2` for a shard or a replica, `mod-promist-2-1` for both. */
  name: string;
  /** Its line of the placement file. */
  process: string;
  /** The enabled modules that it runs. */
  modules: readonly string[];
  /** `''` is the deployment's own database, else such as `mod_promist_0`. */
  database: string;
  /** Which part of the orgs it serves; indices count from 0. */
  shard?: { index: number; count: number };
  /** Which of several over one database; indices count from 0. */
  replica?: { index: number; count: number };
}

/** Which process runs which module. */
export interface Placement {
  name: string;
  instances: readonly Instance[];
}

/** Everything in one process, on the deployment's own database. */
export const inOneProcess = (modules: readonly string[]): Placement => ({ name: 'one-process', instances: [{ name: 'main', process: 'main', modules, database: '' }] });

/** The name of an instance's database: `demo`, or `demo_mod_promist_0`. */
export const databaseNameOf = (deployment: string, { database }: Pick<Instance, 'database'>): string => (database ? `${deployment}_${database}` : deployment);

/** The environment variable with the address at which an instance is called by the others: `MAINSTAY_PEER_MOD_PROMIST_2`. */
export const peerVariable = (instance: string): string => `MAINSTAY_PEER_${upperCase(instance)}`;

/** The environment variable that puts an instance's database on another server than `DATABASE_URL` names: `DATABASE_URL_MOD_PROMIST_0`. */
export const databaseVariable = (database: string): string => `DATABASE_URL_${upperCase(database)}`;

const upperCase = (name: string): string => name.replaceAll('-', '_').toUpperCase();

/** The databases that a placement needs, each once; `''` is the deployment's own. */
export const databasesOf = ({ instances }: Placement): string[] => [...new Set(instances.map(({ database }) => database))];

/** The instance of this name, if the placement has one. */
export const findInstance = ({ instances }: Placement, name: string): Instance | undefined => instances.find((instance) => instance.name === name);

/** Whether the rows of a module lie in shards. */
export const isSharded = ({ instances }: Placement, module: string): boolean => instances.some(({ modules, shard }) => shard !== undefined && modules.includes(module));
