import { BlockList, isIP } from 'node:net';

/** A set of addresses and networks, in IPv4 and IPv6 (CIDR, RFC 4632 and RFC 4291). An IPv4 address within IPv6 is the IPv4 address. */
export class Networks {
  /** Node's list of IPv6 would have addresses of IPv4 in it. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** Throws for what `isNetwork` does not take. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const { address, prefix } = parse(network) ?? fail(network);
      this.#lists[familyOf(address)].addSubnet(address, prefix, familyOf(address));
    }
  }

  has(address: string): boolean {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && this.#lists[familyOf(plain)].check(plain, familyOf(plain));
  }
}

/** Whether a text names an address, or a network in CIDR notation. */
export const isNetwork = (text: string): boolean => parse(text) !== undefined;

/** An address as it is compared: IPv4 within IPv6 as IPv4, and without a zone. */
export function plainAddress(address: string): string {
  const plain = address.split('%', 1)[0]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  return mapped && isIP(mapped) === 4 ? mapped : plain;
}

function parse(text: string): { address: string; prefix: number } | undefined {
  const [address, prefix, ...rest] = text.split('/') as [string, string?, ...string[]];
  const family = address.includes('%') ? 0 : isIP(address);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || (prefix !== undefined && (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bits))) return undefined;
  return { address, prefix: prefix === undefined ? bits : Number(prefix) };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function fail(network: string): never {
  throw new Error(`${network} is no network`);
}

const loopback = new Networks(['127.0.0.0/8', '::1/128']);

/** Whether an address is of this machine itself. */
export const isLoopback = (address: string): boolean => address === '127.0.0.1' || loopback.has(address);
