import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayFacts, Logger, SettingsReader } from '@mainstay/kernel';
import type { Config } from '../config.ts';
import { settings } from '../settings.ts';
import { RateLimit, type LimitName } from './limits/rate-limit.ts';
import { Policy, type Chosen } from './policy.ts';

/** What was chosen is looked at so often while requests come, in milliseconds; the settings' own reader asks the database twice a second. */
const lookEveryMs = 100;
/** A request waits for news where the last are older than this, in milliseconds. */
const newsMs = 250;
/** And goes on with what it knows where they do not come, in milliseconds. */
const waitMs = 1000;

type Reader = SettingsReader<typeof settings>;
const keys = Object.keys(settings) as (keyof Chosen)[];
const limitKeys = { address: 'limitPerAddress', account: 'limitPerAccount', key: 'limitPerKey', login: 'limitLogin' } as const satisfies Record<LimitName, keyof Chosen>;

/** The policy that counts; `changed` is told of every other one. It is made anew only when a setting was changed; a database that can not be reached leaves it as it is. */
export class Policies {
  readonly #reader: Reader;
  readonly #config: Config;
  readonly #facts: GatewayFacts;
  readonly #log: Logger;
  readonly #changed: (chosen: Chosen) => void;
  #latest: Policy;
  #seenAt = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(reader: Reader, config: Config, facts: GatewayFacts, log: Logger, changed: (chosen: Chosen) => void) {
    this.#reader = reader;
    this.#config = config;
    this.#facts = facts;
    this.#log = log;
    this.#changed = changed;
    this.#latest = new Policy(config, this.#limitsOf(config), config, facts);
  }

  /** As it was last seen. */
  get latest(): Policy {
    return this.#latest;
  }

  /** As it is; a promise only where nobody has looked for a while. */
  current(): Policy | Promise<Policy> {
    const age = performance.now() - this.#seenAt;
    if (age < lookEveryMs) return this.#latest;
    const looking = (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
    return age < newsMs ? this.#latest : Promise.race([looking, sleep(waitMs, undefined, { ref: false })]).then(() => this.#latest);
  }

  async #look(): Promise<void> {
    const began = performance.now();
    try {
      const values = await Promise.all(keys.map(async (key) => [key, await this.#reader.get(key)] as const));
      const chosen = Object.fromEntries(values) as Chosen;
      if (!isSame(chosen, this.#latest.chosen)) {
        this.#latest = new Policy(chosen, this.#limitsOf(chosen), this.#config, this.#facts);
        this.#changed(chosen);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the settings of the gateway can not be read; it goes on with those it knows');
    }
    this.#seenAt = began;
  }

  /** A limit that stays as it was goes on counting. */
  #limitsOf(chosen: Chosen): Policy['limits'] {
    const names = Object.entries(limitKeys) as [LimitName, (typeof limitKeys)[LimitName]][];
    return Object.fromEntries(names.flatMap(([name, key]) => {
      const rate = chosen[key];
      if (!rate) return [];
      const before = this.#latest?.limits[name];
      return [[name, before && isSame(before.rate, rate) ? before : new RateLimit(name, rate, this.#facts.instances)]];
    }));
  }
}

const isSame = (one: object, other: object): boolean => keysOf(one) === keysOf(other);
const keysOf = (value: object): string => JSON.stringify('limitPerAddress' in value ? keys.map((key) => (value as Chosen)[key]) : value);
