import { z } from 'zod';
import { readYaml } from './read-yaml.ts';
import { StartError } from './start-error.ts';

/** The section `http` of a deployment file. */
export const httpSection = z.strictObject({
  host: z.string().min(1).max(253).default('localhost').describe('The interface to listen on. Anything but localhost is reachable from other machines.'),
  port: z.int().min(0).max(65535).default(4400).describe('The one port of all protocols. 0 takes any free port.'),
  publicAddress: z.string().regex(/^https?:\/\/[^/?#@]+$/, 'must be an address such as https://example.org, without a path').optional().describe('Where people and other systems reach the deployment, where that is another address than host and port: as https://example.org. Tokens and mails name it.'),
  mostConnections: z.int().min(10).max(1_000_000).default(10_000).describe('Connections that may be open in all; the system must allow the process as many open files.'),
  mostConnectionsPerAddress: z.int().min(1).max(1_000_000).default(1000).describe('Connections that may be open from one address. It does not count for this machine itself; where a proxy on another machine has the connections of everybody, raise it.'),
  bodyLimitMiB: z.int().min(1).max(256).default(16).describe('The largest request that carries a file, in MiB; any other has at most 1 MiB.'),
});

const justHttp = z.looseObject({ http: httpSection.prefault({}) });

/** Where a deployment file has the public port, read without its modules; nothing if the file is not right, which a process of it tells in full. */
export function publicPlaceIn(file: string): { host: string; port: number } | undefined {
  try {
    const { host, port } = readYaml(file, justHttp).http;
    return { host, port };
  } catch (error) {
    if (error instanceof StartError) return undefined;
    throw error;
  }
}
