import type { DescMethod } from '@bufbuild/protobuf';
import { getOption } from '@bufbuild/protobuf';
import { kind, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { GatewayFacts } from '@mainstay/kernel';
import type { Config } from '../config.ts';
import type { settings } from '../settings.ts';
import { Networks } from './addresses/networks.ts';
import { Origins } from './cors/origins.ts';
import type { LimitName, RateLimit } from './limits/rate-limit.ts';
import { isNamed, operatorsOnly } from './operators-methods.ts';

/** The settings of the gateway, each as it counts. */
export type Chosen = Pick<Config, keyof typeof settings>;

/** What holds for one method. */
export interface MethodPolicy {
  operatorsOnly: boolean;
  login: boolean;
  /** Why it is switched off, if it is. */
  off: string | undefined;
  timeoutMs: number | undefined;
  bodyLimitBytes: number | undefined;
}

/** Everything that was chosen, made ready for use: a request looks things up and works nothing out. */
export class Policy {
  readonly chosen: Chosen;
  /** From where operators are let in; anywhere if absent. */
  readonly allow: Networks | undefined;
  readonly origins: Origins;
  readonly limits: Readonly<Partial<Record<LimitName, RateLimit>>>;
  readonly #config: Config;
  readonly #facts: GatewayFacts;
  readonly #methods = new Map<DescMethod, MethodPolicy>();

  constructor(chosen: Chosen, limits: Policy['limits'], config: Config, facts: GatewayFacts) {
    this.chosen = chosen;
    this.limits = limits;
    this.allow = chosen.operatorsAllow.length > 0 ? new Networks(chosen.operatorsAllow) : undefined;
    this.origins = new Origins(chosen.corsOrigins);
    this.#config = config;
    this.#facts = facts;
  }

  of(method: DescMethod): MethodPolicy {
    let known = this.#methods.get(method);
    if (!known) this.#methods.set(method, (known = this.#make(method)));
    return known;
  }

  #make(method: DescMethod): MethodPolicy {
    const { timeoutSeconds, switchedOff, bodyLimitKiB } = this.chosen;
    const unary = method.methodKind === 'unary';
    const seconds = unary ? (getOption(method, kind) === Kind.COMMAND ? timeoutSeconds.command : timeoutSeconds.query) : timeoutSeconds.stream;
    return {
      operatorsOnly: isNamed(method, this.#config.operatorsOnly) || operatorsOnly(method, this.#facts.rules),
      login: isNamed(method, this.#config.loginMethods),
      off: switchedOff.find(({ what }) => isNamed(method, [what]))?.reason,
      timeoutMs: seconds === null ? undefined : seconds * 1000,
      bodyLimitBytes: bodyLimitKiB < 1024 && !this.#facts.carriesContent(method) ? bodyLimitKiB * 1024 : undefined,
    };
  }
}
