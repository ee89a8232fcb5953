import type { DescMessage, DescService, MessageShape } from '@bufbuild/protobuf';
import type { Client, ServiceImpl } from '@connectrpc/connect';
import type { Command } from 'commander';
import type { z } from 'zod';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Database } from '../data/database.ts';
import type { EmailCatalogue } from '../emails/email-template.ts';
import type { Gateway, GatewayFacts } from '../gateway/gateway.ts';
import type { Role } from '../guard/principal.ts';
import type { FileStorage } from '../files/file-storage.ts';
import type { AccessRule, Guard, GuardFacts } from '../guard/guard.ts';
import type { Settings, SettingsReader } from '../settings/define-settings.ts';
import type { SettingsCatalogue, SettingsStore } from '../settings/settings-store.ts';
import { subscriptionsOf } from '../sagas/await-event.ts';
import type { SagaDeclaration } from '../sagas/saga.ts';
import type { DeploymentShards } from '../shards/deployment-shards.ts';
import type { OutboundWebhooks } from '../webhooks/outbound-webhooks.ts';
import { webhookJob, type WebhookDeclaration } from '../webhooks/webhook.ts';
import type { Logger } from '../telemetry/log.ts';
import type { JobDeclaration } from './job.ts';
import type { NetworkView } from './network-view.ts';
import type { Operations } from './operations.ts';
import type { Sender } from './sender.ts';

type Requires = Record<string, DescService>;
type Clients<R extends Requires> = { [K in keyof R]: Client<R[K]> };
type Pages = Record<`/${string}`, Page>;

/** Everything a module's code may use: its own configuration and data, and the services it requires. */
export type Context<R extends Requires = {}, C = unknown, S extends Settings = {}> = Clients<R> & {
  config: C;
  /** The module's own values that can be changed while it runs. */
  settings: SettingsReader<S>;
  // Each function names the tables it uses: `({ db }: { db: Database<Tables> })`.
  db: Database<any>;
  log: Logger;
  /** This module's part of the deployment's file storage. Reading it throws a `StartError` if the process has no data folder. */
  readonly files: FileStorage;
  /** What the deployment is and which modules run in it. */
  deployment: DeploymentInfo;
};

export interface DeploymentInfo {
  name: string;
  phase: Phase;
  /** Where the deployment is reached from outside, such as `http://localhost:4400`. */
  address: string;
  /** The deployment's own secret, 32 random bytes in hexadecimal: derive keys from it, never store or log it. */
  secret: string;
  /** Where this process may keep files: an absolute path to a folder that is there. Reading it throws a `StartError` if the process was given none. */
  readonly dataFolder: string;
  /** The state of every module, now. */
  modules(): ModuleState[];
  /** What the modules of the deployment announce, by the full names of events. */
  eventTypes: readonly EventType[];
  /** The permissions that the contracts of its modules ask for, and which roles grant them: for the module that tells people what they may. */
  permissions: readonly DeclaredPermission[];
  /** The settings that modules declare: for the module that keeps their values. */
  settings: SettingsCatalogue;
  /** The templates of the e-mails that modules send: for the module that sends them. */
  emails: EmailCatalogue;
  /** The processes of the deployment, and the ways between them. */
  readonly network: NetworkView;
  /** Queue, dead letters and migrations: for the module that serves operators. */
  operations: Operations;
  /** What is divided into shards: for the module that serves operators; absent where nothing is. */
  shards?: DeploymentShards;
}

/** A permission that a contract asks for. */
export interface DeclaredPermission {
  /** Such as `promist.promises.create`. */
  name: string;
  /** Whose contract it is. */
  module: string;
  /** By the rules of all modules. */
  roles: readonly Role[];
}

/** A kind of event that a module announces. */
export interface EventType {
  module: string;
  /** Full name of its message, such as `mod.promist.v1.PromiseMade`. */
  name: string;
}

/** Development, test, acceptance, production. */
export type Phase = 'D' | 'T' | 'A' | 'P';

export interface ModuleState {
  name: string;
  state: 'starting' | 'running' | 'quarantined';
  /** Why an optional module is quarantined. */
  problem?: string;
  /** When it got into this state. */
  since: Date;
  services: string[];
  /** The full names of the services that it calls. */
  requires: string[];
}

/** A service together with the function that makes it from what it needs. */
export interface Served<N> {
  service: DescService;
  implement: (needs: N) => Partial<ServiceImpl<any>>;
}

/** A handler of an event of this or another module. It may run twice for one event: the kernel's inbox and its own writes commit together, so what it does through `db` takes effect once. */
export interface Subscription<N> {
  event: DescMessage;
  /** Names the handler in the queue; the event's name if absent. Needed where a module handles one event twice. */
  name: string;
  handle: (needs: N, event: never) => Promise<void>;
}

/** A page that a module shows. */
export interface Page {
  title: string;
  /** The file of `client` that draws it. */
  view: string;
}

/** First data of a module, from a YAML file; see `bootstrapFrom`. */
export interface Bootstrap<N> {
  file: URL;
  /** Checks the file's content for the deployment's phase. */
  schema: z.ZodType;
  /** Puts the data in place. Runs at every start: must leave alone what is there already. */
  load: (needs: N, data: never, tools: BootstrapTools) => Promise<void>;
}

export interface BootstrapTools {
  /** Shows a line to the operator, once, on the terminal that started the deployment; never in a log. */
  announce(line: string): void;
}

export interface ModuleDeclaration<R extends Requires, C extends z.ZodType, P extends Pages, S extends Settings, N = Context<R, z.infer<C>, S>> {
  name: `sys-${string}` | `mod-${string}`;
  /** The services of other modules that this one calls; each arrives as a typed client of that name. */
  requires: R;
  /** Its section of the deployment file. */
  config: C;
  /** What of it can be changed while the deployment runs, and by whom. */
  settings?: S;
  /** Rows that are read together live in one shard. */
  shardBy?: 'org';
  database?: { migrations: URL; bootstrap?: Bootstrap<N> };
  services?: Served<N>[];
  /** Who may call what. */
  access?: readonly AccessRule[];
  emits?: DescMessage[];
  events?: Subscription<N>[];
  jobs?: JobDeclaration<N, any>[];
  /** Processes of several steps, which `tx.start` starts. */
  sagas?: SagaDeclaration<N, any>[];
  /** What other systems tell it by HTTP. */
  webhooks?: WebhookDeclaration<N, any>[];
  /** A folder with a folder for each e-mail that it sends: what is filled in, and a file a language. */
  emails?: URL;
  /** What it sends to the outside, beside the queue: for a module whose receivers are slow, or away for days. */
  sender?: (needs: N) => Sender;
  /** CLI command groups: each file's default export adds commands to the group. */
  commands?: Record<string, () => Promise<{ default: (group: Command, cli: CommandTools) => void }>>;
  /** A folder of files for browsers, served below `/apps/<name>/`. */
  client?: URL;
  /** Its pages, by their paths below `/apps/<name>`; the home page links to them. */
  pages?: P;
  /** Only `sys-core`, or its replacement, decides who may do what. */
  guard?: (needs: N, facts: GuardFacts) => Guard;
  /** Only `sys-gateway`, or its replacement, makes the policies of the public door. */
  gateway?: (needs: N, facts: GatewayFacts) => Gateway;
  /** Only `sys-core`, or its replacement, keeps the audit. */
  audit?: (needs: N) => AuditLog;
  /** Only `sys-core`, or its replacement, keeps what settings were set to. */
  settingsStore?: (needs: N) => SettingsStore;
  /** Only `sys-core`, or its replacement, tells other systems of events. */
  outboundWebhooks?: (needs: N) => OutboundWebhooks;
}

/** What a module's CLI command gets: a client of the running deployment, and ways to talk to the person. */
export interface CommandTools {
  /** A client of a service of the running deployment, signed in as the CLI's user. */
  client<S extends DescService>(service: S): Promise<Client<S>>;
  /** Prints a result line. */
  print(line: string): void;
  /** Prints rows under headings, aligned; `--json` prints them as JSON instead. */
  table(rows: Record<string, string>[]): void;
  /** Shows how far long work is; a bar on a terminal, nothing elsewhere. */
  progress(done: number, total: number, what: string): void;
  /** The person asked for JSON (`--json`). */
  json: boolean;
}

export type Module = ModuleDeclaration<any, any, any, any, any>;

/** Declares a module: the whole story on one page. */
export function defineModule<const R extends Requires, C extends z.ZodType, const P extends Pages = {}, S extends Settings = {}>(declaration: ModuleDeclaration<R, C, P, S>): ModuleDeclaration<R, C, P, S> {
  const { sagas, webhooks } = declaration;
  return {
    ...declaration,
    // What a saga waits for reaches it as any event reaches a handler.
    ...(sagas && { events: [...(declaration.events ?? []), ...subscriptionsOf(declaration.name, sagas)] }),
    ...(webhooks && { jobs: [...(declaration.jobs ?? []), ...webhooks.map(webhookJob)] }),
  };
}

export function serve<S extends DescService, N>(service: S, implement: (needs: N) => ServiceImpl<S>): Served<N> {
  return { service, implement };
}

/** Subscribes to an event. */
export function on<M extends DescMessage, N>(event: M, handle: (needs: N, event: MessageShape<M>) => Promise<void>, name = event.typeName): Subscription<N> {
  return { event, name, handle: handle as Subscription<N>['handle'] };
}

/** Declares first data, loaded from a YAML file at every start in the phases that the file names. */
export function bootstrapFrom<S extends z.ZodType, N>(file: URL, schema: S, load: (needs: N, data: z.infer<S>, tools: BootstrapTools) => Promise<void>): Bootstrap<N> {
  return { file, schema, load: load as Bootstrap<N>['load'] };
}

/** The names a module's `pages` give to its views; its client must define each. */
export type ViewsOf<M> = M extends { pages?: infer P } ? Record<NonNullable<P>[keyof NonNullable<P>] extends { view: infer V extends string } ? V : never, unknown> : never;
