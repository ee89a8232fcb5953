import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { signIn } from '../../sign-in.ts';
import type { Command, Try } from './history.ts';

export interface LoadOptions {
  /** Where the deployment is reached, such as `http://127.0.0.1:4400`. */
  address: string;
  /** Commands begun each second, whatever becomes of those before, as long as a connection is free for them. */
  perSecond: number;
  /** The accounts that send them, in turn. */
  accounts: readonly string[];
}

/** One of so many commands has no key, and is never sent again. */
const UNKEYED_EVERY = 10;
/** So many commands may be under way, each on a connection of its own; those that would be more are not sent. */
const CONNECTIONS = 96;
/** How long a client waits for an answer that must come, in milliseconds: one to a command that it can not send again, or where nothing may be noticed. */
export const PATIENT_MILLISECONDS = 20_000;
const PAUSE_MILLISECONDS = 50;
const TICK_MILLISECONDS = 10;

/** Clients of a deployment: they make promises at a steady rate (an open loop), and keep a history of what they saw. */
export class SteadyLoad {
  readonly history: Command[] = [];
  /** Answers that no good client should get. */
  readonly complaints: string[] = [];
  /** How long a client waits for the answer to a command that it may send again, in milliseconds. */
  patience = PATIENT_MILLISECONDS;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #tokens = new Map<string, string>();
  readonly #underWay = new Set<Promise<void>>();
  #over = false;
  #abandoned = false;
  #beginning: Promise<void> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const account of this.#options.accounts) this.#tokens.set(account, await signIn(this.#options.address, account));
    this.#beginning = this.#begin();
  }

  /** Begins no more, and waits until each command is acknowledged, or was sent the one time that it may be. */
  async stop(): Promise<void> {
    this.#over = true;
    await this.#beginning;
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  /** Ends it at once, whatever becomes of the commands under way. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    this.#agent.destroy();
    await this.stop();
  }

  get acknowledged(): number {
    return this.history.reduce((sum, { acknowledged }) => sum + (acknowledged ? 1 : 0), 0);
  }

  /** Waits until so many more are acknowledged. */
  async goesOn(more: number): Promise<void> {
    const since = performance.now();
    const begunSince = () => this.history.filter(({ begun, acknowledged }) => begun >= since && acknowledged).length;
    await until(() => begunSince() >= more, () => `${more} commands are acknowledged: ${begunSince()} were`);
  }

  async #begin(): Promise<void> {
    const { perSecond, accounts } = this.#options;
    const since = performance.now();
    for (let count = 0; !this.#over; await sleep(TICK_MILLISECONDS)) {
      for (const due = ((performance.now() - since) / 1000) * perSecond; count < due; count++) {
        if (this.#underWay.size < CONNECTIONS) this.#track(this.#insist(count % UNKEYED_EVERY !== 0, accounts[count % accounts.length]!));
      }
    }
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async #insist(keyed: boolean, account: string): Promise<void> {
    const command: Command = { title: crypto.randomUUID(), keyed, begun: performance.now(), tries: [] };
    this.history.push(command);
    do {
      const { id, answer, ...seen } = await this.#send(command, account);
      command.tries.push(seen);
      if (id !== undefined) command.acknowledged = { id, at: seen.ended };
      else if (seen.status === 401) this.#tokens.set(account, await signIn(this.#options.address, account).catch(() => ''));
      else if (seen.status !== undefined && seen.status < 500 && seen.status !== 409 && seen.status !== 429) this.complaints.push(`${command.title} was answered with ${seen.status}: ${answer}`);
      if (id === undefined && keyed) await sleep(PAUSE_MILLISECONDS);
    } while (keyed && !command.acknowledged && this.complaints.length === 0 && !this.#abandoned);
  }

  #send({ title, keyed }: Command, account: string): Promise<Try & { id?: string; answer?: string }> {
    const began = performance.now();
    const body = JSON.stringify({ title, reminders: [] });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), authorization: `Bearer ${this.#tokens.get(account)}`, ...(keyed && { 'idempotency-key': title }) };
    return new Promise((resolve) => {
      const ended = (more: object) => resolve({ began, ended: performance.now(), ...more });
      const sent = request(`${this.#options.address}/v1/promises`, { method: 'POST', headers, agent: this.#agent, signal: AbortSignal.timeout(keyed ? this.patience : PATIENT_MILLISECONDS) }, (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (part: string) => { answer += part; });
        response.on('error', (error) => ended({ problem: error.message }));
        response.on('end', () => {
          const { id } = response.statusCode === 200 ? (JSON.parse(answer) as { id: string }) : {};
          ended({ status: response.statusCode!, ...(id === undefined ? { problem: `${response.statusCode} ${answer}`, answer } : { id }) });
        });
      });
      sent.on('error', (error: NodeJS.ErrnoException) => ended({ problem: error.name === 'AbortError' || error.name === 'TimeoutError' ? 'no answer in time' : (error.code ?? error.message) }));
      sent.end(body);
    });
  }
}
