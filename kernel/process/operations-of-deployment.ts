import type { HandlerLag, Operations, ReplayedHandler, ReplayRequest, SagaReport, WebhookReceipt, WebhookRequest } from '../module/operations.ts';
import type { Network } from '../peers/network.ts';
import { redactText } from '../telemetry/redact-text.ts';
import { discardDeadLetter, lettersForOthers, readDeadLetters, retryDeadLetter, type Letter, type Numbering } from './dead-letters.ts';
import type { OperationsOfProcess } from './operations.ts';
import { readSagas, sagasForOthers, type SagaRow } from './saga-operations.ts';

/** As many of each other database are listed: those that failed, or began, last. */
const MOST_ELSEWHERE = 10_000;

type Operation = (...given: never[]) => Promise<unknown>;

/** What operators see and do about the work of a whole deployment: of the database of this process, and of those of the others. */
export class OperationsOfDeployment implements Operations {
  readonly #own: OperationsOfProcess;
  readonly #network: Network;

  constructor(own: OperationsOfProcess, network: Network) {
    this.#own = own;
    this.#network = network;
  }

  /** What other processes ask of this one, by name. */
  readonly forOthers: Record<string, Operation> = {
    'letters.all': () => lettersForOthers(this.#own.pool, this.#numbering, MOST_ELSEWHERE),
    'letters.retry': (id: string) => retryDeadLetter(this.#own.pool, id),
    'letters.discard': (id: string) => discardDeadLetter(this.#own.pool, id),
    'sagas.all': () => sagasForOthers(this.#own.pool, MOST_ELSEWHERE),
    'sagas.get': (id: string) => this.#own.sagas.get(id),
    'sagas.cancel': (id: string) => this.#own.sagas.cancel(id),
    'sagas.retry': (id: string) => this.#own.sagas.retry(id),
    'events.lag': (module?: string) => this.#own.events.lag(module),
    'events.replay': (request: ReplayRequest) => this.#own.events.replay(request),
    'webhooks.receive': (request: WebhookRequest) => this.#own.webhooks.receive(request),
    'queue.of': (module: string) => this.#own.queueOf(module),
    'migrations.of': (module: string) => this.#own.migrationsOf(module),
  };

  readonly deadLetters: Operations['deadLetters'] = {
    list: async (request, options) => {
      const elsewhere = (await this.#elsewhere<Letter[]>('letters.all')).flat();
      const { rows, ...page } = await readDeadLetters(this.#own.pool, request, options, elsewhere, this.#numbering);
      return { rows: rows.map((letter) => ({ ...letter, error: redactText(letter.error) })), ...page };
    },
    retry: (id) => this.#toLetter(id, 'letters.retry'),
    discard: (id) => this.#toLetter(id, 'letters.discard'),
  };

  readonly sagas: Operations['sagas'] = {
    list: async (request, options) => readSagas(this.#own.pool, request, options, (await this.#elsewhere<SagaRow[]>('sagas.all')).flat()),
    get: async (id) => (await this.#everywhere<SagaReport | undefined>('sagas.get', id)).find((found) => found !== undefined),
    cancel: async (id) => (await this.#everywhere<boolean>('sagas.cancel', id)).includes(true),
    retry: async (id) => (await this.#everywhere<boolean>('sagas.retry', id)).includes(true),
  };

  readonly events: Operations['events'] = {
    lag: async (module) => together((await this.#everywhere<HandlerLag[]>('events.lag', module)).flat()),
    keptSince: () => this.#own.events.keptSince(),
    replay: async (request) => sums((await this.#everywhere<ReplayedHandler[]>('events.replay', request)).flat()),
  };

  readonly webhooks: Operations['webhooks'] = {
    receive: async (request) => (await this.#own.webhooks.receive(request)) ?? this.#receiveElsewhere(request),
  };

  async queueOf(module: string): ReturnType<Operations['queueOf']> {
    const all = await this.#everywhere<Awaited<ReturnType<Operations['queueOf']>>>('queue.of', module);
    return { waiting: sum(all.map(({ waiting }) => waiting)), deadLetters: sum(all.map(({ deadLetters }) => deadLetters)), oldestSeconds: Math.max(...all.map(({ oldestSeconds }) => oldestSeconds)) };
  }

  async migrationsOf(module: string): ReturnType<Operations['migrationsOf']> {
    const all = await this.#everywhere<Awaited<ReturnType<Operations['migrationsOf']>>>('migrations.of', module);
    return all.toSorted((one, other) => other.length - one.length)[0] ?? [];
  }

  /** The databases of the deployment, in an order that all processes know. */
  get #numbering(): Numbering {
    const { databases, here } = this.#network;
    return { databases: databases.length, number: databases.indexOf(here.database) };
  }

  async #everywhere<R>(operation: string, ...given: unknown[]): Promise<R[]> {
    return [(await this.forOthers[operation]!(...(given as never[]))) as R, ...(await this.#elsewhere<R>(operation, ...given))];
  }

  /** The shards of a module find out by the org which of them it is for. */
  async #receiveElsewhere(request: WebhookRequest): Promise<WebhookReceipt | undefined> {
    const { module } = request;
    if (this.#network.isSharded(module)) return (await this.#elsewhere<WebhookReceipt | undefined>('webhooks.receive', request)).find((receipt) => receipt !== undefined);
    return this.#network.runs(module) ? this.#network.operate(module, 'webhooks.receive', request) : undefined;
  }

  #elsewhere<R>(operation: string, ...given: unknown[]): Promise<R[]> {
    const { databases, here } = this.#network;
    return Promise.all(databases.filter((database) => database !== here.database).map((database) => this.#network.operateOn<R>(database, operation, ...given)));
  }

  /** An id names its database. */
  async #toLetter(id: string, operation: 'letters.retry' | 'letters.discard'): Promise<boolean> {
    const { databases, here } = this.#network;
    const database = databases[Number(BigInt(id) % BigInt(databases.length))]!;
    const own = String(BigInt(id) / BigInt(databases.length));
    return database === here.database ? ((await this.forOthers[operation]!(own as never)) as boolean) : this.#network.operateOn(database, operation, own);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Deliveries for a handler wait in the database of each module that announces. */
function together(lags: readonly HandlerLag[]): HandlerLag[] {
  const byHandler = Map.groupBy(lags, ({ module, handler }) => `${module} ${handler}`);
  return [...byHandler.values()].map((each) => ({
    ...each[0]!,
    waiting: sum(each.map(({ waiting }) => waiting)),
    retrying: sum(each.map(({ retrying }) => retrying)),
    deadLetters: sum(each.map(({ deadLetters }) => deadLetters)),
    lagSeconds: Math.max(...each.map(({ lagSeconds }) => lagSeconds)),
  })).sort((one, other) => (`${one.module} ${one.handler}` < `${other.module} ${other.handler}` ? -1 : 1));
}

function sums(replayed: readonly ReplayedHandler[]): ReplayedHandler[] {
  const byHandler = Map.groupBy(replayed, ({ handler, eventType }) => `${handler} ${eventType}`);
  return [...byHandler.values()].map((each) => ({ ...each[0]!, events: sum(each.map(({ events }) => events)) }));
}
