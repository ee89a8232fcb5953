import { randomInt } from 'node:crypto';
import { addressesOf, tryToListen } from '@mainstay/kernel/try-to-listen';
import { OperatorError } from './operator-error.ts';
import { chosenHere, reservePort } from './reserve-port.ts';
import { currentRuns } from './run-record.ts';

/** An address that a deployment will listen on. */
export interface WantedAddress {
  /** Its section of the deployment file. */
  section: 'http' | 'operators';
  host: string;
  /** 0 is always free. */
  port: number;
}

const purposes = { http: '', operators: ' for operators' };

const remedies = {
  http: 'choose another with --port N',
  operators: 'set operators.port in the deployment file to another (0 takes any free one), or operators: off',
};

/** Throws an `OperatorError` that says what to do if another program listens on the port. */
export async function requireFreePort({ section, host, port }: WantedAddress): Promise<void> {
  const named = `port ${port}${purposes[section]}`;
  for (const problem of await problemsOf(host, port)) {
    if (problem === 'EADDRINUSE') throw new OperatorError(`${named} is taken by ${whoTook(port)}; ${remedies[section]}`);
    if (problem === 'EACCES') throw new OperatorError(`${named} needs more rights than you have; ${section === 'http' ? 'choose one above 1023 with --port N' : 'set operators.port in the deployment file to one above 1023'}`);
    // A machine without IPv6 has no ::1.
    if (problem && host !== 'localhost') throw new OperatorError(`it is not possible to listen on ${host}: ${problem}; correct "${section}.host" in the deployment file`);
  }
}

/** Whether nothing listens on the port. */
export async function isFree(host: string, port: number): Promise<boolean> {
  return !(await problemsOf(host, port)).includes('EADDRINUSE');
}

/** A port that nothing listens on, and that nobody else is given here within a minute. Throws what the system says where it can't be listened at all. */
export async function anyFreePort(host: string): Promise<number> {
  for (;;) {
    const port = randomInt(...chosenHere());
    const problems = await problemsOf(host, port);
    // A machine without IPv6 has no ::1.
    if (problems[0] && problems[0] !== 'EADDRINUSE') throw Object.assign(new Error(`it is not possible to listen on ${host}: ${problems[0]}`), { code: problems[0] });
    if (!problems.includes('EADDRINUSE') && reservePort(port)) return port;
  }
}

/** Ports that nothing listens on, each another. */
export async function freePorts(host: string, count: number, taken: ReadonlySet<number> = new Set()): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = await anyFreePort(host);
    if (!taken.has(port)) found.add(port);
  }
  return [...found];
}

/** The port of an address such as `http://localhost:4400`. */
export const portOf = (address: string): number => Number(new URL(address).port || 80);

/** What keeps a program from listening on the port, on each address of the host; 0 is always free. */
async function problemsOf(host: string, port: number): Promise<(string | undefined)[]> {
  const addresses = port === 0 ? [] : addressesOf(host);
  return Promise.all(addresses.map(async (address) => (await tryToListen(address, port))?.code));
}

function whoTook(port: number): string {
  const isAt = (address: string | undefined) => address !== undefined && portOf(address) === port;
  const run = currentRuns().find(({ address, operatorsAddress }) => isAt(address) || isAt(operatorsAddress));
  return run ? `${run.name}, which runs here${isAt(run.operatorsAddress) ? ', for its operators' : ''}` : 'another program';
}
