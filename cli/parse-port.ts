import { InvalidArgumentError } from 'commander';

/** A port from the command line. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new InvalidArgumentError('It must be a number from 0 to 65535; 0 takes any free port.');
  return port;
}
