import { BoundSocket } from 'node:net';
import { addressesOf } from '@mainstay/kernel/try-to-listen';
import { socketName, socketsVariable } from '@mainstay/kernel/inherited-sockets';

/** Where a process listens. */
export interface Place {
  host: string;
  port: number;
}

/** What a process is started with: descriptors, which it finds from a number on in their order, and the environment that tells it. */
export interface LentSockets {
  descriptors: number[];
  environment: (first: number) => NodeJS.ProcessEnv;
}

/**
 * The sockets on which a process listens, and the one that takes its place after it: they belong to the controller, as with socket
 * activation (sd_listen_fds(3)). When a process gives its place up, no connection is reset that nobody has accepted yet, as the system
 * does where each has a socket of its own (SO_REUSEPORT): the other accepts it.
 */
export class HeldSockets {
  readonly #places: () => readonly Place[];
  #bound: { name: string; socket: BoundSocket }[] = [];
  #users = 0;

  constructor(places: () => readonly Place[]) {
    this.#places = places;
  }

  /** For a process that starts: the same as one has that runs beside it. */
  lend(): LentSockets {
    if (this.#users++ === 0) this.#bound = this.#places().flatMap(bind);
    const bound = this.#bound;
    return {
      descriptors: bound.map(({ socket }) => socket.fd()),
      environment: (first) => ({ [socketsVariable]: JSON.stringify(Object.fromEntries(bound.map(({ name }, at) => [name, first + at]))) }),
    };
  }

  /** A process has ended. With the last one its sockets end, so that whoever connects is told at once, or comes to a replica. */
  giveBack(): void {
    if (--this.#users === 0) this.release();
  }

  /** No other takes the place of the process that has them: with its own listening it is over. */
  release(): void {
    for (const { socket } of this.#bound.splice(0)) socket.close();
  }
}

/** On the addresses of a place that can be had; its process tells what is wrong with the others. Elsewhere than on Linux sockets are not shared. */
function bind({ host, port }: Place): { name: string; socket: BoundSocket }[] {
  if (process.platform !== 'linux' || port === 0) return [];
  return addressesOf(host).flatMap((address) => {
    try {
      return [{ name: socketName(address, port), socket: new BoundSocket({ host: address, port, reusePort: true }) }];
    } catch {
      return [];
    }
  });
}
