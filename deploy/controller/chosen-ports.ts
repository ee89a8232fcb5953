import { readFileSync } from 'node:fs';
import type { Ports } from '@mainstay/kernel/process';
import { isFree, portOf } from './free-port.ts';
import type { Ready } from './launch-process.ts';
import { replaceFile } from './replace-file.ts';
import type { StateFolder } from './state-folder.ts';

/** The ports that a process served on: the next one has them again where the deployment leaves the choice. */
export const chosenPorts = ({ address, operatorsAddress }: Ready): Partial<Ports> =>
  ({ http: portOf(address), ...(operatorsAddress !== undefined && { operators: portOf(operatorsAddress) }) });

/** The port for operators that an earlier run had chosen, if it is free: whoever reads metrics there need not look for it again. */
export async function keptOperatorsPort({ operatorsPort }: StateFolder, host: string): Promise<number | undefined> {
  const port = readPort(operatorsPort);
  return port !== undefined && (await isFree(host, port)) ? port : undefined;
}

export function keepOperatorsPort({ operatorsPort }: StateFolder, port: number): void {
  if (readPort(operatorsPort) !== port) replaceFile(operatorsPort, `${port}\n`);
}

function readPort(file: string): number | undefined {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 0 && port <= 65535 ? port : undefined;
  } catch {
    return undefined;
  }
}
