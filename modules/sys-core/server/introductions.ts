import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { currentTime, exactBase64url, type GuardFacts, type Introduction, type Principal } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/** How long a statement holds, and how long it is said again instead of a new one, in milliseconds. */
const HOLDS = 60_000;
const SAID_AGAIN = 20_000;
/** A clock of another machine may be ahead by so much, in milliseconds. */
const AHEAD = 10_000;
const REMEMBERED = 10_000;
/** Statements about people with many roles are packed from so many characters on, since headers have little room. */
const PACKED_FROM = 2000;
const MOST_UNPACKED = 4 * 1024 * 1024;

/** The statement, as JSON. */
interface Statement {
  /** The process that says it. */
  iss: string;
  /** The process to which it is said. */
  aud: string;
  /** The module whose code calls; absent for what came from outside. */
  mod?: string;
  /** Milliseconds since the epoch. */
  iat: number;
  exp: number;
  sub: Principal;
}

interface Said {
  text: string;
  until: number;
}

interface Heard {
  to: string;
  introduction: Introduction;
  expires: number;
}

/**
 * Tells processes of one deployment from everybody else: a statement is the base64url of its JSON and an HMAC-SHA256
 * (RFC 2104) of it, keyed by what is derived from the deployment's secret for the process that says it (HKDF, RFC 5869).
 * A long one is deflated (RFC 1951) before, and names behind the HMAC who says it, so that nothing is unpacked for strangers.
 * A process is believed to speak for the modules that the placement gives it, and for no others. What was said or heard
 * before is remembered while it holds, since most calls are on behalf of few.
 */
export class Introductions {
  readonly #secret: string;
  readonly #speaksFor: NonNullable<GuardFacts['speaksFor']>;
  readonly #keys = new Map<string, Buffer>();
  readonly #said = new WeakMap<Principal, Map<string, Said>>();
  /** What modules say for themselves, whose principals are made anew for each call. */
  readonly #saidByModules = new Map<string, Said>();
  readonly #heard = new Map<string, Heard>();

  constructor(secret: string, speaksFor: NonNullable<GuardFacts['speaksFor']>) {
    this.#secret = secret;
    this.#speaksFor = speaksFor;
  }

  introduce({ process, module, principal }: Introduction, to: string): string {
    const about = `${process} ${to} ${module ?? ''}`;
    const said = principal.kind === 'module' ? this.#saidByModules : this.#saidOf(principal);
    const key = principal.kind === 'module' ? `${about} ${principal.module} ${principal.orgId ?? ''}` : about;
    const now = currentTime().getTime();
    const before = said.get(key);
    if (before && before.until > now && before.until - now <= SAID_AGAIN) return before.text;
    const text = this.#written({ iss: process, aud: to, ...(module !== undefined && { mod: module }), iat: now, exp: now + HOLDS, sub: principal });
    if (said.size >= REMEMBERED) said.delete(said.keys().next().value!);
    said.set(key, { text, until: now + SAID_AGAIN });
    return text;
  }

  recognise(said: string, to: string): Introduction {
    const now = currentTime().getTime();
    const before = this.#heard.get(said);
    if (before && before.to === to && before.expires > now) return before.introduction;
    this.#heard.delete(said);
    const { iss, mod, exp, sub } = this.#checked(said, to, now);
    const introduction: Introduction = { process: iss, ...(mod !== undefined && { module: mod }), principal: sub };
    if (this.#heard.size >= REMEMBERED) this.#heard.delete(this.#heard.keys().next().value!);
    this.#heard.set(said, { to, introduction, expires: exp });
    return introduction;
  }

  #checked(said: string, to: string, now: number): Statement {
    const statement = this.#proven(said);
    if (!statement) throw errors.CALLER_UNKNOWN({ problem: 'no process of this deployment said who calls' });
    if (statement.aud !== to) throw errors.CALLER_UNKNOWN({ problem: 'it was said to another process who calls' });
    if (statement.exp <= now || statement.iat > now + AHEAD) throw errors.CALLER_UNKNOWN({ problem: 'it was said too long ago who calls, or the clocks of the machines differ' });
    if (statement.mod !== undefined && !this.#speaksFor(statement.iss, statement.mod)) throw errors.CALLER_UNKNOWN({ problem: `${statement.iss} does not run ${statement.mod}` });
    if (statement.sub.kind === 'module' && statement.sub.module !== statement.mod) throw errors.CALLER_UNKNOWN({ problem: `${statement.iss} speaks as ${statement.sub.module}` });
    return statement;
  }

  #written(statement: Statement): string {
    const json = JSON.stringify(statement);
    const packed = json.length >= PACKED_FROM;
    const body = (packed ? deflateRawSync(json) : Buffer.from(json)).toString('base64url');
    const seal = this.#seal(statement.iss, body);
    return packed ? `${body}.${seal}.${Buffer.from(statement.iss).toString('base64url')}` : `${body}.${seal}`;
  }

  /** What a process of the deployment surely said. */
  #proven(said: string): Statement | undefined {
    const [body = '', seal = '', packedBy, more] = said.split('.');
    if (more !== undefined) return undefined;
    const isSealed = (process: string) => this.#speaksFor(process, 'kernel') && equal(seal, this.#seal(process, body));
    if (packedBy === undefined) {
      const statement = parse(Buffer.from(body, 'base64url'));
      return statement && isSealed(statement.iss) ? statement : undefined;
    }
    const process = exactBase64url(packedBy)?.toString();
    const statement = process !== undefined && isSealed(process) ? parse(unpacked(body)) : undefined;
    return statement?.iss === process ? statement : undefined;
  }

  #saidOf(principal: Principal): Map<string, Said> {
    let said = this.#said.get(principal);
    if (!said) this.#said.set(principal, (said = new Map()));
    return said;
  }

  #seal(process: string, body: string): string {
    let key = this.#keys.get(process);
    if (!key) this.#keys.set(process, (key = Buffer.from(hkdfSync('sha256', this.#secret, '', `mainstay caller ${process}`, 32))));
    return createHmac('sha256', key).update(body).digest('base64url');
  }
}

/** Nothing for what was not packed by a process of the deployment. */
function unpacked(body: string): Buffer {
  try {
    return inflateRawSync(Buffer.from(body, 'base64url'), { maxOutputLength: MOST_UNPACKED });
  } catch {
    return Buffer.alloc(0);
  }
}

function parse(json: Buffer): Statement | undefined {
  try {
    const statement = JSON.parse(json.toString()) as Partial<Statement> | null;
    return typeof statement?.iss === 'string' && statement.iss.length <= 200 && typeof statement.sub?.kind === 'string' ? (statement as Statement) : undefined;
  } catch {
    return undefined;
  }
}

function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
