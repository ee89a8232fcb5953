import type { DescMethod } from '@bufbuild/protobuf';
import type { Admitted, Arrived, DeploymentInfo, Gateway, GatewayFacts, Logger, OutsideCall, OutsideRequest, SettingsReader } from '@mainstay/kernel';
import type { Config } from '../config.ts';
import { errors } from '../errors.ts';
import type { settings } from '../settings.ts';
import { addressGroup } from './addresses/address-group.ts';
import { clientPlace, type ProxyRules } from './addresses/client-address.ts';
import { isLoopback, Networks } from './addresses/networks.ts';
import { answerCors } from './cors/cors-headers.ts';
import { Domains, hostName, isLocalName } from './domains.ts';
import type { LimitName } from './limits/rate-limit.ts';
import { isOperatorsPage } from './operators-methods.ts';
import { Policies } from './policies.ts';
import type { MethodPolicy, Policy } from './policy.ts';
import { CertificateFiles } from './certificate-files.ts';

export interface Needs {
  config: Config;
  settings: SettingsReader<typeof settings>;
  deployment: Pick<DeploymentInfo, 'phase' | 'network'>;
  log: Logger;
}

/** A gateway of this process, for its own service to tell of. */
export interface RunningGateway {
  policies: Policies;
  facts: GatewayFacts;
}

/** By the needs of the module, which its service gets, too. */
export const gateways = new WeakMap<object, RunningGateway>();

/** What came through the door, as the gateway itself knows it. */
interface Known extends Arrived {
  policy: Policy;
  /** What counts as its address for limits; absent where they do not count. */
  counted: string | undefined;
  host: string;
}

/** Makes the policies of the public door. */
export function createGateway(needs: Needs, facts: GatewayFacts): Gateway {
  const { config, deployment, log } = needs;
  const policies = new Policies(needs.settings, config, facts, log, ({ calls }) => deployment.network.configureCalls(calls ?? usualCalls));
  const usualCalls = deployment.network.callSettings();
  if (config.calls) deployment.network.configureCalls(config.calls);
  gateways.set(needs, { policies, facts });
  return new PublicDoor(needs, facts, policies);
}

class PublicDoor implements Gateway {
  readonly tls: CertificateFiles | undefined;
  readonly #policies: Policies;
  readonly #facts: GatewayFacts;
  readonly #domains: Domains;
  readonly #proxies: ProxyRules;
  readonly #hsts: string | undefined;

  constructor({ config, deployment, log }: Needs, facts: GatewayFacts, policies: Policies) {
    this.#policies = policies;
    this.#facts = facts;
    this.#domains = new Domains(config, deployment.phase);
    this.#proxies = { trusted: new Networks(config.trustedProxies), header: config.forwardedHeader };
    this.tls = config.tls && new CertificateFiles(config.tls, log);
    if (config.tls && config.tls.hstsDays > 0) this.#hsts = `max-age=${config.tls.hstsDays * 86_400}; includeSubDomains`;
  }

  arrive(request: OutsideRequest): Known | Promise<Known> {
    const policy = this.#policies.current();
    return policy instanceof Promise ? policy.then((known) => this.#arrive(request, known)) : this.#arrive(request, policy);
  }

  admit(method: DescMethod, call: OutsideCall, arrived: Arrived): Admitted | Promise<Admitted> {
    const known = arrived as Known;
    const { policy, counted } = known;
    const of = policy.of(method);
    if (of.operatorsOnly) this.#requireOperatorsPlace(known);
    if (of.off !== undefined) throw errors.SWITCHED_OFF({ method: `${method.parent.typeName}/${method.name}`, reason: of.off });
    if (counted !== undefined && call.onSocket) this.#take(policy, 'address', counted, call);
    if (counted !== undefined && of.login) this.#take(policy, 'login', counted, call);
    const authorization = call.header.get('authorization');
    if (authorization === null) return plain(of);
    const principal = this.#facts.authenticate(call.header, call.target);
    const whenKnown = (caller: Awaited<typeof principal>): Admitted => {
      if (counted !== undefined && caller.kind === 'account') {
        if (isApiKey(authorization)) this.#take(policy, 'key', caller.sessionId, call);
        else this.#take(policy, 'account', caller.accountId, call);
      }
      return { ...plain(of), principal: caller };
    };
    return principal instanceof Promise ? principal.then(whenKnown) : whenKnown(principal);
  }

  serves(method: DescMethod, { domain }: Arrived): boolean {
    return domain !== 'users' || !this.#policies.latest.of(method).operatorsOnly;
  }

  allowsOrigin(origin: string): boolean {
    return this.#policies.latest.origins.has(origin);
  }

  #arrive(request: OutsideRequest, policy: Policy): Known {
    const { headers, path } = request;
    // Before anything is refused, so that pages of other origins can read why.
    const asked = answerCors(request, policy.origins, policy.chosen.corsCredentials);
    const place = clientPlace(request.address, headers, this.#proxies);
    const host = (headers[':authority'] as string | undefined) ?? headers.host ?? '';
    const domain = this.#domains.of(host);
    const counted = policy.chosen.limitLoopback || !isLoopback(place.address) ? addressGroup(place.address) : undefined;
    const known: Known = { address: place.address, policy, counted, host, ...(domain && { domain }) };
    if (asked) return { ...known, answer: { status: 204 } };
    if (domain === 'operators') this.#requireAllowed(known);
    if (counted !== undefined) this.#take(policy, 'address', counted, request);
    const encrypted = request.encrypted || place.encrypted;
    if (this.#hsts && encrypted) request.setHeader('strict-transport-security', this.#hsts);
    if (this.tls?.redirects && !encrypted && !isLocalName(host)) return { ...known, answer: this.#redirect(request, host) };
    if (isOperatorsPage(path)) this.#requireOperatorsPlace(known);
    return known;
  }

  #take(policy: Policy, name: LimitName, caller: string, { setHeader }: Pick<OutsideCall, 'setHeader'>): void {
    const limit = policy.limits[name];
    if (!limit) return;
    setHeader('ratelimit-policy', limit.policy);
    limit.take(caller, setHeader);
  }

  /** Operators' own things are served at their domain alone; where there is but one, from their addresses alone. */
  #requireOperatorsPlace(known: Known): void {
    if (known.domain === 'users') throw errors.NOT_SERVED_HERE({ host: hostName(known.host) });
    this.#requireAllowed(known);
  }

  #requireAllowed({ policy: { allow }, address }: Known): void {
    if (allow && !allow.has(address)) throw errors.ADDRESS_NOT_ALLOWED({ address });
  }

  #redirect({ url, setHeader }: OutsideRequest, host: string): { status: number } {
    const port = this.tls!.openPort;
    setHeader('location', `https://${hostName(host)}${port === 443 ? '' : `:${port}`}${url}`);
    return { status: 308 };
  }
}

const plain = ({ timeoutMs, bodyLimitBytes }: MethodPolicy): Admitted => ({ ...(timeoutMs !== undefined && { timeoutMs }), ...(bodyLimitBytes !== undefined && { bodyLimitBytes }) });

const isApiKey = (authorization: string): boolean => /^bearer +mst_/i.test(authorization);
