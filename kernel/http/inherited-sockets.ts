/** Names the sockets that a controller gives to a process: a JSON object of addresses and ports, such as `127.0.0.1 4400`, with the file descriptor of each. */
export const socketsVariable = 'MAINSTAY_SOCKETS';

/** How a socket is named there. */
export const socketName = (address: string, port: number): string => `${address} ${port}`;

let inherited: Map<string, number> | undefined;

/**
 * The file descriptor of a socket that this process was started with, bound to an address and port; it is given once. Whoever started it
 * keeps the socket, so that the system resets no connection that nobody has accepted yet when another process goes on listening there.
 */
export function takeInherited(address: string, port: number): number | undefined {
  inherited ??= readInherited();
  const name = socketName(address, port);
  const fd = inherited.get(name);
  inherited.delete(name);
  return fd;
}

/** Descriptors belong to a process that its controller started, and to none that this one starts. */
function readInherited(): Map<string, number> {
  const said = process.env[socketsVariable];
  delete process.env[socketsVariable];
  return new Map(process.connected && said ? Object.entries(JSON.parse(said) as Record<string, number>) : []);
}
